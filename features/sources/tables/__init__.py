"""Any lender's own tables, by a mapping: a TOML file that says which file and column becomes which canonical one.

A mapping is read in three steps, each a module. ``files`` are opened as they are, every value as text or as the database
typed it (:mod:`.raw`). ``relations`` are made from them where a file's shape is not that of a table: joined, filtered, turned
from wide to long, one row for many or many for one (:mod:`.relations`). ``tables`` name, for each canonical column, where its
value comes from and how it is to be read (:mod:`.columns`). Values that cannot be read are handed on as they stand: the checks
at the door refuse them, with their place in the file.

Expressions are SQL expressions of a fixed vocabulary, parsed before they run (:mod:`.expression`); a mapping cannot reach
anything but the files it names. Docs: docs/mapping.md.
"""
