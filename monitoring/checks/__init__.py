"""Checks that were made: reported with evidence, looked through for what a person should see, never judged.

A *check* is an inspection with its report and evidence. The inspection itself arrives like every other record
(``monitoring.arrivals``) and is what scores, tiers and schedule read; the check is an entry of the record of decisions beside it.
A *flag* says that something about a check is late, missing, too old or like another report. Checks with flags are a queue; a
person takes one off it by looking, with a reason. Nothing else follows from a flag: no tier, no score, no case.

    flags      what is flagged, as a table of rules; no database      likeness   how alike two texts are
    keeping    a check becomes an entry and a row of its table       looking    the queue, one check, and a person's look
"""
