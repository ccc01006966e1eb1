"""Systems that are told what was decided: signed, in the order of the record, again and again until they have taken it.

What is told follows from the record alone. An endpoint has a *place* in it: everything up to there it has taken, or did not
ask for. One delivery at a time is made, of the first decision past the place that it asks for; a 2xx moves the place on,
whatever else comes is tried again later. So nothing is lost and nothing overtakes; what was under way when a process died
comes twice, under the same id.

    endpoints  who is told what, from the book's webhooks.toml     signing   secrets, and the headers of a delivery
    events     which decisions are told, and what is said          sending   one delivery, and what came of it
    state      places, kept in the database                        delivering   what is due, once or for as long as one runs
"""
