"""What enforces signatures in the test run: beartype, for which an int is a float (PEP 484), as for any reader."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
