#!/bin/sh
# 0: the package goes for good.
if [ "$1" -eq 0 ]; then
    if [ -d /run/systemd/system ]; then
        systemctl --no-reload disable --now switchyard.service || :
    else
        systemctl --no-reload disable switchyard.service >/dev/null 2>&1 || :
    fi
fi
