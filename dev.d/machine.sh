# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # names are shared with dev, which stops at errors
#
# What this machine has, and what is installed or unpacked when it is missing.

# --- What is on the machine -----------------------------------------------------------------------

is_root() { [ "$(id -u)" -eq 0 ]; }

# find_postgres: set PGBIN to the newest PostgreSQL here that has PostGIS.
find_postgres() {
    local bin version
    PGBIN=''
    for bin in "$UNPACKED"/usr/lib/postgresql/*/bin /usr/lib/postgresql/*/bin; do
        version=${bin%/bin} version=${version##*/}
        if [ ! -x "$bin/postgres" ] || [ "$version" -lt "$OLDEST_POSTGRES" ]; then continue; fi
        # A cluster is read by the major version that made it.
        if [ -s "$DATA/pg/PG_VERSION" ] && [ "$version" != "$(cat "$DATA/pg/PG_VERSION")" ]; then continue; fi
        [ -e "${bin%/usr/lib/postgresql/*}/usr/share/postgresql/$version/extension/postgis.control" ] || continue
        PGBIN=$bin
    done
    [ -n "$PGBIN" ]
}

# find_redis: set REDIS to a Redis (or Valkey, the same protocol) server.
find_redis() {
    local candidate
    for candidate in "$UNPACKED/usr/bin/redis-server" redis-server valkey-server; do
        REDIS=$(command -v "$candidate") && return
    done
    return 1
}

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        PYTHON=$(command -v "$candidate") || continue
        "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    done
    fail "Python 3.11 or newer is needed (Debian 12, Ubuntu 24.04 and later have it)."
}

has_pip() { "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; }
has_pip_wheel() { compgen -G "$UNPACKED/usr/share/python-wheels/pip-*.whl" >/dev/null; }

# find_libraries: set LIBRARIES to what an unpacked program needs to find its own.
find_libraries() {
    local dir path=''
    LIBRARIES=()
    [ -d "$UNPACKED" ] || return 0
    for dir in "$UNPACKED"/usr/lib/*-linux-gnu* "$UNPACKED"/usr/lib/*-linux-gnu*/{blas,lapack} "$UNPACKED"/lib/*-linux-gnu*; do
        [ ! -d "$dir" ] || path=$path${path:+:}$dir
    done
    LIBRARIES=(env "LD_LIBRARY_PATH=$path" "PROJ_LIB=$UNPACKED/usr/share/proj")
}

# --- Installing -----------------------------------------------------------------------------------

# as_admin COMMAND…: as root, or through sudo.
as_admin() { if is_root; then "$@"; else sudo "$@"; fi; }

may_install() {
    is_root && return
    command -v sudo >/dev/null || return 1
    sudo -n true 2>/dev/null && return
    [ -t 0 ] && say "Installing packages needs your password, once." && sudo -v
}

# missing_packages: the distribution's names of what is not here.
missing_packages() {
    [ -x "$VENV/bin/python" ] || has_pip || has_pip_wheel || echo "$1"
    if [ -z "${EXTERNAL:-}" ]; then
        find_postgres || echo postgresql
        find_redis || echo redis-server
    fi
}

# distribution_names: "postgresql" stands for the distribution's own version and its PostGIS.
distribution_names() {
    local name version
    for name; do
        if [ "$name" = postgresql ]; then
            version=$(apt-cache "${APT[@]}" depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
            [ -n "$version" ] || version=$OLDEST_POSTGRES # no list yet: `apt-get update` was never run
            [ "$version" -ge "$OLDEST_POSTGRES" ] || {
                echo "This distribution's PostgreSQL is $version; $OLDEST_POSTGRES or newer is needed."
                return 1
            }
            echo "postgresql-$version" "postgresql-$version-postgis-3"
        else
            echo "$name"
        fi
    done
}

# install_packages NAME…: from the distribution, without starting any service of its own.
install_packages() {
    local names mine=''
    APT=(-o DPkg::Lock::Timeout=300)
    as_admin apt-get "${APT[@]}" -q update || echo "Going on with the lists there are."
    names=$(distribution_names "$@") || { echo "$names" && return 1; }
    as_admin mkdir -p /etc/postgresql-common
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        echo 'create_main_cluster = false' | as_admin tee /etc/postgresql-common/createcluster.conf
    fi
    if [ ! -e "$NOTE" ] || grep -q 'kerbline' "$NOTE"; then
        mine=yes
        printf '#!/bin/sh\n# kerbline: removed when its packages are in\nexit 101\n' | as_admin tee "$NOTE"
        as_admin chmod 755 "$NOTE"
    fi
    # shellcheck disable=SC2086 # the names are words
    as_admin env DEBIAN_FRONTEND=noninteractive apt-get "${APT[@]}" -q -y -o Dpkg::Options::=--force-confold \
        install --no-install-recommends $names || { [ -z "$mine" ] || as_admin rm -f "$NOTE"; return 1; }
    [ -z "$mine" ] || as_admin rm -f "$NOTE"
    # The distribution's own Redis would start at the next boot; we need only its program.
    case " $* " in *" redis-server "*)
        if [ -d /run/systemd/system ]; then as_admin systemctl disable redis-server || true; fi ;;
    esac
}

# unpack_packages NAME…: the same packages, unpacked under .local/root by a user who may not install.
unpack_packages() {
    local names deb version control work=$ROOT/.local/apt
    mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
    APT=(-o "Dir::State=$work/state" -o "Dir::Cache=$work/cache" -o Dir::State::status=/var/lib/dpkg/status
        -o Debug::NoLocking=1 -o APT::Sandbox::User=)
    apt-get "${APT[@]}" -q update || echo "Going on with the lists there are."
    names=$(distribution_names "$@") || { echo "$names" && return 1; }
    # shellcheck disable=SC2086 # the names are words
    apt-get "${APT[@]}" -q -y --download-only install --no-install-recommends $names
    rm -rf "$UNPACKED.new" && mkdir -p "$UNPACKED.new"
    [ ! -d "$UNPACKED" ] || cp -a "$UNPACKED/." "$UNPACKED.new"
    for deb in "$work"/cache/archives/*.deb; do dpkg -x "$deb" "$UNPACKED.new"; done
    # Installing would have made this link.
    for control in "$UNPACKED.new"/usr/share/postgresql/*/extension/postgis-3.control; do
        [ -e "$control" ] && cp "$control" "${control%-3.control}.control"
    done
    rm -rf "$UNPACKED" "$work" && mv "$UNPACKED.new" "$UNPACKED"
}

ensure_tools() {
    local version missing
    find_python
    version=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    # shellcheck disable=SC2207 # the names are words
    missing=($(missing_packages "$version"))
    if [ "${#missing[@]}" -gt 0 ]; then
        command -v apt-get >/dev/null || fail "Missing here: ${missing[*]}.
Install PostgreSQL $OLDEST_POSTGRES or newer with PostGIS 3.3, Redis and Python's venv, or set KERBLINE_DATABASE_URL and KERBLINE_REDIS_URL."
        if may_install; then
            step "Installing ${missing[*]}" install_packages "${missing[@]}"
        else
            say "  Neither root nor sudo: unpacking the packages under .local (about 550 MB). To install them instead:"
            say "    apt-get install --no-install-recommends $(APT=() && distribution_names "${missing[@]}" | tr '\n' ' ')"
            [ "${missing[0]}" != "$version" ] || missing[0]=python3-pip-whl
            step "Unpacking ${missing[*]}" unpack_packages "${missing[@]}"
        fi
        hash -r
    fi
    find_libraries
    if [ -z "${EXTERNAL:-}" ]; then
        find_postgres || fail "No PostgreSQL $OLDEST_POSTGRES+ with PostGIS was found under /usr/lib/postgresql$(
            [ ! -s "$DATA/pg/PG_VERSION" ] || printf ' that can read the cluster in %s (version %s)' "$DATA/pg" "$(cat "$DATA/pg/PG_VERSION")")."
        find_redis || fail "No redis-server was found."
    fi
}

# --- Python ---------------------------------------------------------------------------------------

lock_stamp() { { echo "$ROOT" && cat "$@"; } | cksum; }

make_venv() {
    local wheel
    rm -rf "$VENV"
    if has_pip; then
        "$PYTHON" -m venv "$VENV"
    else
        "$PYTHON" -m venv --without-pip "$VENV"
        wheel=$(compgen -G "$UNPACKED/usr/share/python-wheels/pip-*.whl" | tail -n 1)
        "$VENV/bin/python" "$wheel/pip" install -q --no-index "$wheel"
    fi
}

install_python_packages() {
    local file files=()
    for file; do files+=(-r "$file"); done
    "$VENV/bin/python" -m pip install -q --disable-pip-version-check --no-compile --require-hashes "${files[@]}"
    # On all cores at once; every start is twice as quick for it. A file that is no Python 3 does not matter.
    env -u PYTHONDONTWRITEBYTECODE "$VENV/bin/python" -m compileall -q -j 0 "$VENV/lib" || true
}

# ensure_python [dev]: .venv holds what the lock names; `dev` adds what tests and linters need.
ensure_python() {
    local kind=${1:-run} stamp
    local locks=("$ROOT/constraints.txt")
    [ "$kind" = run ] || locks+=("$ROOT/constraints-dev.txt")
    stamp=$(lock_stamp "${locks[@]}")
    [ "$(cat "$VENV/.kerbline-$kind" 2>/dev/null)" = "$stamp" ] && return
    if grep -n '://' "${locks[@]}" >&2; then fail "The lock names a host; run ./dev lock."; fi
    if [ ! -x "$VENV/bin/python" ] || ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        step "Making the virtual environment" make_venv
    elif ! grep -qs "$VENV" "$VENV/bin/pip"; then
        step "Making the virtual environment again: the checkout moved" make_venv
    fi
    step "Installing $(cat "${locks[@]}" | grep -c '^[a-z].*==') Python packages (a minute, once)" install_python_packages "${locks[@]}"
    echo "$stamp" >"$VENV/.kerbline-$kind"
    [ "$kind" = run ] || lock_stamp "$ROOT/constraints.txt" >"$VENV/.kerbline-run"
}
