#!/bin/sh
# $1 is the number of versions that are installed now. What systemd's RPM macros would write, without rpmbuild.
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
fi
if [ "$1" -eq 1 ]; then
    # The distribution's presets say whether a new service is enabled; most say no.
    systemctl --no-reload preset switchyard.service >/dev/null 2>&1 || :
elif [ -d /run/systemd/system ]; then
    /usr/lib/switchyard/hot-restart || :
fi
