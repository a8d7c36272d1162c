throw new Error('usocket is left out: no file descriptor is passed over D-Bus here');
