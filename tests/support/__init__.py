"""What tests of several rooms share.

`until` and `bounds`: how a test waits. `house` and `http_house`: sessions in this process, without and with the HTTP
door. `real_server`, `hands`, `attached`: a server process, what its agent does, and its watchers. Helpers of one room
stand beside its tests.
"""
