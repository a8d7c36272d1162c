-- A port of a host leads to one app. NULL, no port, may stand in any number of
-- rows. Where two rows claim one port already, this fails and names them.

ALTER TABLE placements ADD UNIQUE KEY placements_listen_port (host, listen_port);
