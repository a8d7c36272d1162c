-- Whether other clients than fc-proxy always find the app's socket listening,
-- however long nobody has visited it (apps.socket, README).

ALTER TABLE apps ADD COLUMN socket TINYINT(1) NOT NULL DEFAULT 0;
