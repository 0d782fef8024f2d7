#!/bin/sh
if [ "$1" -eq 0 ]; then
    find /usr/share/doc/switchyard-tools -depth -type d -empty -delete || :
fi
