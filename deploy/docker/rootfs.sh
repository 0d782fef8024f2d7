#!/bin/sh
# Writes the root file system of an image for one program: the program, its shared libraries, and the file that the C
# library reads to look up a host. It has no shell, no package manager and no accounts.
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
# Without this, the C library would ask DNS before it reads /etc/hosts.
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
