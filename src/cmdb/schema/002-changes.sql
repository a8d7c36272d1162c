-- The change log: which app or host was touched, in the order of id, so that a
-- reader learns what changed since its last look without reading everything.
--
-- Rows that a foreign key's cascade deletes or renames fire no triggers (MySQL
-- and MariaDB alike); the app's own row fires one, and that names the app.
-- TRUNCATE fires none at all.
--
-- Every entry takes one far older with it, so the log stays bounded. It is one
-- row found by its key, not a range: two open transactions never wait for each
-- other's old rows. The second number catches what is left by transactions that
-- were rolled back, and 100800 is a multiple of every auto_increment_increment
-- up to 10.

CREATE TABLE IF NOT EXISTS changes (
  id BIGINT NOT NULL AUTO_INCREMENT,
  tbl VARCHAR(64) NOT NULL,
  name VARCHAR(255) NOT NULL,
  at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

DELIMITER //

DROP TRIGGER IF EXISTS fc_hosts_insert//
CREATE TRIGGER fc_hosts_insert AFTER INSERT ON hosts FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('hosts', NEW.name);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_hosts_update//
CREATE TRIGGER fc_hosts_update AFTER UPDATE ON hosts FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  IF NEW.name <> OLD.name THEN
    INSERT INTO changes (tbl, name) VALUES ('hosts', NEW.name);
  END IF;
  INSERT INTO changes (tbl, name) VALUES ('hosts', OLD.name);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_hosts_delete//
CREATE TRIGGER fc_hosts_delete AFTER DELETE ON hosts FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('hosts', OLD.name);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_apps_insert//
CREATE TRIGGER fc_apps_insert AFTER INSERT ON apps FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('apps', NEW.name);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_apps_update//
CREATE TRIGGER fc_apps_update AFTER UPDATE ON apps FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  IF NEW.name <> OLD.name THEN
    INSERT INTO changes (tbl, name) VALUES ('apps', NEW.name);
  END IF;
  INSERT INTO changes (tbl, name) VALUES ('apps', OLD.name);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_apps_delete//
CREATE TRIGGER fc_apps_delete AFTER DELETE ON apps FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('apps', OLD.name);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_domains_insert//
CREATE TRIGGER fc_domains_insert AFTER INSERT ON domains FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('domains', NEW.app);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_domains_update//
CREATE TRIGGER fc_domains_update AFTER UPDATE ON domains FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  IF NEW.app <> OLD.app THEN
    INSERT INTO changes (tbl, name) VALUES ('domains', NEW.app);
  END IF;
  INSERT INTO changes (tbl, name) VALUES ('domains', OLD.app);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_domains_delete//
CREATE TRIGGER fc_domains_delete AFTER DELETE ON domains FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('domains', OLD.app);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_placements_insert//
CREATE TRIGGER fc_placements_insert AFTER INSERT ON placements FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('placements', NEW.app);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_placements_update//
CREATE TRIGGER fc_placements_update AFTER UPDATE ON placements FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  IF NEW.app <> OLD.app THEN
    INSERT INTO changes (tbl, name) VALUES ('placements', NEW.app);
  END IF;
  INSERT INTO changes (tbl, name) VALUES ('placements', OLD.app);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DROP TRIGGER IF EXISTS fc_placements_delete//
CREATE TRIGGER fc_placements_delete AFTER DELETE ON placements FOR EACH ROW
BEGIN
  DECLARE entry BIGINT;
  INSERT INTO changes (tbl, name) VALUES ('placements', OLD.app);
  SET entry = LAST_INSERT_ID();
  DELETE FROM changes WHERE id IN (entry - 100800, entry - 201600);
END//

DELIMITER ;
