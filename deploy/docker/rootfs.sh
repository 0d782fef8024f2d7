#!/bin/sh
# Lays out the root file system of an image that holds one program and nothing else: the program, the shared
# libraries that it names, and what the C library reads to look up a host. No shell, no package manager, nobody's
# password.
#   rootfs.sh PROGRAM FOLDER
set -eu
program=$1 root=$2

mkdir -p "$root/usr/local/bin" "$root/etc"
cp "$program" "$root/usr/local/bin/"
# ldd prints a library as `name => /path (address)`, the loader as `/path (address)`.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
# Else host names would be asked of DNS before /etc/hosts.
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
