#!/bin/sh
# Writes the root file system of an image for one program: the program, its shared libraries, and the file that the C
# library reads to look up a host. It has no shell, no package manager and no accounts.
#   rootfs.sh PROGRAM FOLDER [SYSROOT]
# SYSROOT has the libraries of a program for another processor, as Debian's cross compilers do: /usr/aarch64-linux-gnu.
set -eu
program=$1 root=$2 sysroot=${3:-}

mkdir -p "$root/usr/local/bin" "$root/etc"
cp "$program" "$root/usr/local/bin/"

# The program's and the libraries' own lists, since ldd would run the program.
listed() {
    readelf --dynamic --program-headers --wide "$1" |
        sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p; s/.*interpreter: .*\/\(.*\)\].*/\1/p'
}

# copy FILE: what it needs, and what that needs.
copy() {
    for library in $(listed "$1"); do
        # The loader stands where the program says; the C library finds the others beside it.
        place=$root/lib/$library
        case $library in ld-linux-x86-64.*) place=$root/lib64/$library ;; esac
        [ ! -e "$place" ] || continue
        mkdir -p "$(dirname "$place")"
        cp -L "$sysroot/lib/$library" "$place"
        copy "$place"
    done
}

if [ -n "$sysroot" ]; then
    copy "$program"
else
    # ldd prints a library as `name => /path (address)`, the loader as `/path (address)`.
    ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
fi
# Without this, the C library would ask DNS before it reads /etc/hosts.
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
