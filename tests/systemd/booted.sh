#!/bin/bash
# The packages in a Debian that systemd-nspawn boots: as root,
#
#   booted.sh BUILD RELEASE [ROOT]
#
# installs BUILD/packages/*.deb in a fresh root of that release (bookworm, trixie), made with debootstrap
# from the archive that apt is configured with here, or in a copy of ROOT, boots it and runs inside.sh.
# The packages must have been built in that release. 77: this machine cannot.
set -euo pipefail
build=$1
release=$2
here=$(cd "$(dirname "$0")" && pwd)

skip() { echo "SKIPPED: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "not root"
command -v systemd-nspawn >/dev/null || skip "there is no systemd-nspawn (package systemd-container)"
command -v debootstrap >/dev/null || [ -n "${3-}" ] || skip "there is no debootstrap"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/bobbin-booted.XXXXXX")
root=$work/root
trap 'umount -q "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT

if [ -n "${3-}" ]; then
    cp -a "$3" "$root"
else
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,procps "$release" "$root" "$archive" >"$work/log" 2>&1 ||
        { tail "$work/log"; exit 1; }
fi
mkdir -p "$root/opt/packages"
cp "$build"/packages/*.deb "$root/opt/packages"
cp -r "$build/apps/counter" "$root/opt/counter"
cp "$here/inside.sh" "$root/opt/inside.sh"
rm -rf "$root/opt/counter/.spin"

printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
chroot "$root" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq procps /opt/packages/*.deb' >"$work/log" 2>&1 ||
    { tail -n 30 "$work/log"; echo "FAILED: the packages cannot be installed"; exit 1; }
umount "$root/proc"
rm "$root/usr/sbin/policy-rc.d"
echo "installed in $release: $(chroot "$root" dpkg-query -W -f '${Package} ${Version} ' bobbin libbobbin0 libbobbin-dev)"

cat >"$root/etc/systemd/system/inside.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash -c '/bin/bash /opt/inside.sh >/opt/result 2>&1; systemctl poweroff --no-block'
[Install]
WantedBy=multi-user.target
UNIT
sed -i 's/^After=multi-user.target$/After=bobbind.socket sockets.target/' "$root/etc/systemd/system/inside.service"
chroot "$root" systemctl -q enable inside.service
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 600 systemd-nspawn -q -D "$root" --boot --register=no --keep-unit \
    -M "bobbin-$$" --private-network </dev/null >"$work/boot" 2>&1 || true
[ -s "$root/opt/result" ] || { tail -n 20 "$work/boot"; skip "systemd does not boot here"; }
cat "$root/opt/result"
grep -q '^RESULT: all passed' "$root/opt/result"
