#!/bin/sh
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
fi
# RPM knows no purge: an administrator may want the state and the log back, and removes them by hand. Folders are in no list
# of files, so RPM leaves those of a package that goes for good.
if [ "$1" -eq 0 ]; then
    find /usr/share/doc/switchyard /usr/lib/switchyard -depth -type d -empty -delete || :
fi
