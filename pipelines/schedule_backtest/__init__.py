"""Which way of choosing whom to look at finds more of the coming defaults: policies side by side on simulated books.

Everything a policy sees is what the night would have seen: a book is simulated, delivered, ingested, and scored at each month's
end as of that day, by a model that was trained on another book of earlier years. What a check finds comes from the truth of the
simulation, which nothing else reads.

configurations  what is simulated, frozen       books    simulate, ingest, train, score: a book as arrays
checks          what a check finds              replay   month by month, one policy and one budget
measure         what it was worth               tuning   what is learned before any result
run             all of it, restartable           report   means, intervals, aims
"""
