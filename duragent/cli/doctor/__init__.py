"""`duragent doctor`: what is wrong with this machine, the workspace, the agents and the sessions."""
