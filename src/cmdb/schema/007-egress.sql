-- New apps reach out. Rows that are there keep what they say.

ALTER TABLE apps ALTER COLUMN network SET DEFAULT 'egress';
