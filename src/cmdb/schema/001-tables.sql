-- What an operator writes. Statements here can be run again (see migrate.ts).
--
-- Columns are wider than what fc-sync accepts and have no CHECKs: fc-sync
-- names every bad row with its reason, which a database error would not.
-- Names of apps are compared byte by byte, host names and domains are not
-- case-sensitive. Numbers are signed, so that -1 arrives as -1.

CREATE TABLE IF NOT EXISTS hosts (
  name VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL,
  address VARCHAR(255) NOT NULL,
  port INT NOT NULL DEFAULT 8079,
  state VARCHAR(64) NOT NULL DEFAULT 'active',
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS apps (
  name VARCHAR(255) NOT NULL,
  image VARCHAR(1024) NULL,
  rootfs VARCHAR(1024) NULL,
  command JSON NULL,
  port INT NOT NULL,
  env JSON NULL,
  volumes JSON NULL,
  network VARCHAR(64) NOT NULL DEFAULT 'private',
  memory_max VARCHAR(64) NULL DEFAULT '512M',
  cpu_quota VARCHAR(64) NULL DEFAULT NULL,
  tasks_max INT NULL DEFAULT 512,
  idle_timeout_s INT NULL DEFAULT 300,
  lifetime_s INT NULL DEFAULT NULL,
  start_timeout_s INT NOT NULL DEFAULT 30,
  stop_timeout_s INT NOT NULL DEFAULT 10,
  ready_path VARCHAR(1024) NULL DEFAULT NULL,
  enabled TINYINT NOT NULL DEFAULT 1,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS domains (
  fqdn VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL,
  app VARCHAR(255) NOT NULL,
  PRIMARY KEY (fqdn),
  KEY domains_app (app),
  CONSTRAINT fc_domains_app FOREIGN KEY (app) REFERENCES apps (name) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS placements (
  app VARCHAR(255) NOT NULL,
  host VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL,
  weight INT NOT NULL DEFAULT 100,
  listen_port INT NULL DEFAULT NULL,
  PRIMARY KEY (app, host),
  KEY placements_host (host),
  CONSTRAINT fc_placements_app FOREIGN KEY (app) REFERENCES apps (name) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT fc_placements_host FOREIGN KEY (host) REFERENCES hosts (name) ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
