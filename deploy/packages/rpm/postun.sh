#!/bin/sh
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
fi
# RPM knows no purge: an administrator may want the state and the log back, and removes them by hand.
