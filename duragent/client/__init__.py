"""The typed client: the one way in which commands, and programs, talk to a server.

The law of this room: what was durable is shown once, and what a person said is sent once, however often the connection
or the server dies in between.
"""
