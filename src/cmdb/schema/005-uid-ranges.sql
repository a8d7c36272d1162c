-- Which user ids belong to which app: root of a container, and whoever else
-- is in there, is one of 65536 ids of the host that no other app has, the same
-- on every host. So files on shared storage keep their owner.
--
-- The table remembers every range that was ever given. One stays with the name
-- of an app that is gone, for its files may still be there. When they are not,
-- the operator gives it back (the constraint keeps those in use):
--
--   DELETE FROM uid_ranges WHERE app = 'gone';
--
-- An app gets the first free range from a place on that its name says, so that
-- transactions that insert apps do not wait for each other; and SELECT … INTO,
-- unlike a subquery, locks nothing in a trigger. There are 19512 ranges:
-- above what useradd gives to users in /etc/subuid (SUB_UID_MAX,
-- login.defs(5)), within what systemd keeps for containers (524288 to
-- 1879048191, https://systemd.io/UIDS-GIDS).

CREATE TABLE IF NOT EXISTS uid_ranges (
  base INT NOT NULL,
  app VARCHAR(255) NOT NULL,
  given_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (base),
  KEY uid_ranges_app (app)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

ALTER TABLE apps ADD COLUMN uid_base INT NULL DEFAULT NULL;

DELIMITER //

DROP TRIGGER IF EXISTS fc_apps_range_insert//
CREATE TRIGGER fc_apps_range_insert BEFORE INSERT ON apps FOR EACH ROW
BEGIN
  DECLARE given, slot, tried, free INT;
  DECLARE CONTINUE HANDLER FOR 1062 SET free = 0;
  IF NEW.uid_base IS NULL THEN
    -- REPLACE and ON DUPLICATE KEY UPDATE come by here while the old row still stands: it is the same app.
    SELECT uid_base INTO given FROM apps WHERE name = NEW.name;
    SET NEW.uid_base = given;
  ELSE
    SELECT uid_base INTO given FROM apps WHERE uid_base = NEW.uid_base;
    IF given IS NULL THEN
      INSERT INTO uid_ranges (base, app) VALUES (NEW.uid_base, NEW.name) ON DUPLICATE KEY UPDATE app = NEW.name;
    END IF;
  END IF;
  IF NEW.uid_base IS NULL THEN
    SET slot = CRC32(NEW.name) MOD 19512, tried = 0;
    REPEAT
      IF tried = 19512 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'FastContainer: no range of user ids is free: give back one of an app whose files are gone (table uid_ranges)';
      END IF;
      SET NEW.uid_base = (9160 + (slot + tried) MOD 19512) * 65536, tried = tried + 1, free = 1;
      INSERT INTO uid_ranges (base, app) VALUES (NEW.uid_base, NEW.name);
    UNTIL free END REPEAT;
  END IF;
END//

DROP TRIGGER IF EXISTS fc_apps_range_update//
CREATE TRIGGER fc_apps_range_update BEFORE UPDATE ON apps FOR EACH ROW
BEGIN
  DECLARE given, slot, tried, free INT;
  DECLARE CONTINUE HANDLER FOR 1062 SET free = 0;
  IF NEW.uid_base IS NULL THEN
    SET slot = CRC32(NEW.name) MOD 19512, tried = 0;
    REPEAT
      IF tried = 19512 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'FastContainer: no range of user ids is free: give back one of an app whose files are gone (table uid_ranges)';
      END IF;
      SET NEW.uid_base = (9160 + (slot + tried) MOD 19512) * 65536, tried = tried + 1, free = 1;
      INSERT INTO uid_ranges (base, app) VALUES (NEW.uid_base, NEW.name);
    UNTIL free END REPEAT;
  ELSEIF NEW.name <> OLD.name OR NOT NEW.uid_base <=> OLD.uid_base THEN
    SELECT uid_base INTO given FROM apps WHERE uid_base = NEW.uid_base AND name <> OLD.name;
    IF given IS NULL THEN
      INSERT INTO uid_ranges (base, app) VALUES (NEW.uid_base, NEW.name) ON DUPLICATE KEY UPDATE app = NEW.name;
    END IF;
  END IF;
END//

DELIMITER ;

-- A table that was dropped and made again learns what is in use; apps from before there were ranges get theirs.
INSERT IGNORE INTO uid_ranges (base, app) SELECT uid_base, name FROM apps WHERE uid_base IS NOT NULL;
UPDATE apps SET uid_base = NULL WHERE uid_base IS NULL;

ALTER TABLE apps ADD UNIQUE KEY apps_uid_base (uid_base);
-- MariaDB has no error of its own for a constraint that is there already.
ALTER TABLE apps DROP FOREIGN KEY fc_apps_uid_base;
ALTER TABLE apps ADD CONSTRAINT fc_apps_uid_base FOREIGN KEY (uid_base) REFERENCES uid_ranges (base);
