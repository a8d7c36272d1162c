-- A sample CMDB: three apps as Debian's packages bring them. Rows are the whole
-- interface; every column left out has a default.

INSERT INTO hosts (name, address) VALUES ('demo', '127.0.0.1');

INSERT INTO apps (name, image, command, port, idle_timeout_s) VALUES
  ('static', 'localhost/nginx',
   '["nginx", "-g", "daemon off;"]', 80, 10),
  -- The example leaves importing tornado.websocket to chance, which it has in Debian 12 and not in 13.
  ('chat', 'localhost/tornado-chat',
   '["python3", "-c", "import runpy, tornado.websocket; runpy.run_path(\'/usr/share/doc/python-tornado-doc/examples/websocket/chatdemo.py\', run_name=\'__main__\')"]',
   8888, 4);

INSERT INTO apps (name, image, command, port, env, volumes, memory_max, idle_timeout_s) VALUES
  ('shop', 'localhost/apache-php',
   '["apache2ctl", "-D", "FOREGROUND"]', 80,
   '{"GREETING": "Hello"}',
   '["/srv/fastcontainer/shop:/var/www/html:ro"]', '256M', 10);

INSERT INTO domains (fqdn, app) VALUES
  ('static.demo', 'static'), ('shop.demo', 'shop'), ('*.shop.demo', 'shop'), ('chat.demo', 'chat');

INSERT INTO placements (app, host) VALUES
  ('static', 'demo'), ('shop', 'demo'), ('chat', 'demo');
