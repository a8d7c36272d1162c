-- What tells one history from another, so that a database that is behind, or
-- was put back from a backup, is not taken for one that has gone on.
--
-- history.origin is made with the database. Another value says that everything
-- before has ended on purpose: UPDATE history SET origin = UUID().
-- A stamp tells a change from another one with the same id. One that is given
-- is kept: a backup of the rows alone brings its own. Entries from before this
-- migration have none, because a default that is computed while a column is
-- added would be another one on each replica.

CREATE TABLE IF NOT EXISTS history (
  one TINYINT NOT NULL DEFAULT 1,
  origin VARCHAR(64) NOT NULL,
  since TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (one)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- By way of a variable: its value is replicated, also statement by statement.
SET @fc_origin = UUID();
INSERT IGNORE INTO history (one, origin) VALUES (1, @fc_origin);

ALTER TABLE changes ADD COLUMN stamp VARCHAR(64) NOT NULL DEFAULT '';

DELIMITER //

DROP TRIGGER IF EXISTS fc_changes_insert//
CREATE TRIGGER fc_changes_insert BEFORE INSERT ON changes FOR EACH ROW
  SET NEW.stamp = COALESCE(NULLIF(NEW.stamp, ''), UUID())//

DELIMITER ;
