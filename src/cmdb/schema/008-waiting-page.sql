-- How long a browser waits for an app to start before it is shown a page that
-- turns into the app (apps.waiting_page, README). NULL: it waits.

ALTER TABLE apps ADD COLUMN waiting_page INT NULL DEFAULT NULL;
