"""One module for each command: arguments -> Plan -> examine -> renderer -> exit status."""
