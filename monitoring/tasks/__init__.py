"""Tasks: an action that comes into question for a borrower is a person's to decide, by a day; nothing is done by itself.

After an official night a *task* opens for each action of the catalogue whose precondition a borrower meets, unless he has an open
one of it, or one was settled not long ago. It ends once: *done* or *declined* by a person, or *lapsed* on the night on which the
precondition holds no longer. What is to a borrower's harm is done by a proposal alone, once a second person approved it. Who
decides has the authority that the catalogue names. All of that are entries of the record; how tasks stand follows from them, and
is kept beside them in a table, in the same transaction.

    state      a task, what an entry makes of it, and when an action may come again; no database
    store      tasks in the table, and whose they are
    following  a night's actions become tasks, and end them      acts      what persons do
    looking    tasks for those who work on them                  rebuild   the table again
"""
