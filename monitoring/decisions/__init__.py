"""What was decided, from what, and the proof of it. Records are only ever added.

A decision is an *entry*, a line of canonical JSON that says what anybody may know (digests, days, scores), and what is *sealed*:
the borrower's inputs, values and reasons, encrypted with a key of his own. The entry names the digest of what is sealed, so a
chain of hashes over the entries covers both and can be checked without any key:

    link(n) = sha256(link(n - 1) + sha256(entry(n)))        link(0) = 32 zero bytes

Whoever holds a signed *checkpoint* (how many, and the last link) can show that nothing before it was changed, left out or
put in. What came after the last checkpoint that somebody else holds is unproven, and is said to be.

To erase a borrower is to forget his key and the hashes by which he is found: what is sealed stays, for the chain, and nobody can
read it.

    entry    what is recorded, and its canonical form       chain    links and checkpoints; no key and no database
    vault    keys: sealing, and looking up without ids       record   the record in use: many at a time, one sync
    adding   some decisions of one transaction               verify   is all of it what was written?
    merkle   one root for the rows of a night                nights   a night as one decision
    erase    forgetting a borrower                           export   the record for third parties, with its checkpoint
    rekey    another master key                              place    where a book's record is
    proposals  what one proposes and another decides         overrides  tiers that two persons agreed on
    moves    who stands in another tier, and why
"""
