"""Signals join cases: one open case a borrower, each signal in one place, each case closed with one outcome.

A *signal* says that a trigger is on for a borrower: (borrower, trigger) with its severity, value and threshold, from a night or
from an event. While it lasts it is one signal, however often it is raised. A *case* is what a person works on. What signals do to
cases and what persons do with them are entries of the record; where a case stands follows from its entries and from nothing
else, and is kept beside them in two tables, in the same transaction.

    state      a case, what an entry makes of it, and where a signal belongs; no database
    store      cases in the tables, and entries with them
    receiving  signals of a night or of an event become entries      acts      what persons do
    looking    cases for those who work on them                      report    precision, and what was suppressed
    rebuild    the tables again, and every signal accounted for
"""
