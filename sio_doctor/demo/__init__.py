"""A small server on loopback with one named mistake, to see the tool work and to test it by.

``scenarios`` are data; ``wire``, ``node`` and ``python`` are what servers write, ``engine`` the sessions; ``server``
alone opens sockets. What is written, header by header, is what was measured of the servers that are played.
"""
