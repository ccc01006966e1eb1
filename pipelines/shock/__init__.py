"""What a fall of an industry or a region does to its borrowers: the night's own answer in two worlds that differ in nothing else.

It is a shadow: nothing is written into the ledger, the runs or the record.

asked    sectors, and how their figures change or since when they arrived
worlds   the ledger as it would be without and with that
run      the sector's borrowers scored in both, partition by partition
compare  where they stand in both, and what moved them
report   totals, lists, one document
"""
