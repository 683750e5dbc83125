# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # names are shared with dev, which stops at errors
#
# A data folder: its passwords and ports, which processes are its own, its PostgreSQL and its Redis.

# --- A data folder: passwords, ports, and which processes are its own -------------------------------

use_data() {
    mkdir -p "$1" || fail "Cannot write $1."
    DATA=$(cd "$1" && pwd -P)
    # The supervisor's file has its own meaning for these.
    case $ROOT$DATA in *[%\'\"\;]*) fail "A path with %, ; or quotes in it does not work: $DATA" ;; esac
    [ -w "$DATA" ] || fail "$DATA belongs to $(stat -c %U "$DATA"); use --data-dir for another."
    [ -e "$DATA/run" ] || chmod 700 "$DATA"
    mkdir -p "$DATA/log" "$DATA/run" "$DATA/redis" "$DATA/photos"
}

secret() { od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FROM: the first from there on. Below 32768, where no outgoing connection takes it by chance.
free_port() {
    local port=$1
    while listening "$port"; do port=$((port + 1)); done
    echo "$port"
}

# remember NAME VALUE: keep one value in the folder's instance.env.
remember() {
    local file=$DATA/instance.env
    (
        umask 077
        { grep -v "^$1=" "$file" 2>/dev/null || true; echo "$1=$2"; } >"$file.new"
    )
    mv "$file.new" "$file"
    printf -v "$1" %s "$2"
}

load_instance() {
    local name
    PG_PORT='' REDIS_PORT='' CONTROL_PORT=''
    # shellcheck source=/dev/null
    [ ! -f "$DATA/instance.env" ] || . "$DATA/instance.env"
    for name in PG_SUPER_PASSWORD PG_OWNER_PASSWORD PG_APP_PASSWORD REDIS_PASSWORD CONTROL_PASSWORD; do
        [ -n "${!name:-}" ] || remember "$name" "$(secret 16)"
    done
    [ -n "${SECRET_KEY:-}" ] || remember SECRET_KEY "$(secret 32)"
}

# choose_ports: keep the ports of last time unless somebody else has them now.
choose_ports() {
    local offset=0 name first
    # Tests start several folders in one second: those begin anywhere, so that they do not race.
    [ "$DATA" = "$ROOT/.local" ] || offset=$((1000 + RANDOM % 1100 * 10))
    for name in PG_PORT:15432 REDIS_PORT:16379 CONTROL_PORT:19001; do
        first=$((${name#*:} + offset))
        name=${name%:*}
        if [ -z "${!name}" ] || listening "${!name}"; then remember "$name" "$(free_port "$first")"; fi
    done
}

# marked MARK…: the processes that carry one of these marks in their environment.
marked() {
    local mark patterns=()
    for mark; do patterns+=(-e "KERBLINE_RUN=$mark $DATA"); done
    { grep -lszxF "${patterns[@]}" /proc/[0-9]*/environ || true; } | cut -d/ -f3
}

# working_in DIR: the processes whose working folder is DIR. PostgreSQL and Redis write their titles
# over their environment, so they are known by where they are.
working_in() {
    { find /proc/[0-9]*/cwd -maxdepth 0 -printf '%p %l\n' 2>/dev/null || true; } |
        while read -r link target; do
            [ "$target" != "$1" ] || { link=${link%/cwd} && echo "${link#/proc/}"; }
        done
}

everything_running() {
    marked supervisor api worker
    working_in "$DATA/pg"
    working_in "$DATA/redis"
}

nothing_runs() { [ -z "$(everything_running)" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# supervised: is our supervisor alive? Sets SUPERVISOR.
supervised() {
    SUPERVISOR=$(cat "$DATA/run/supervisord.pid" 2>/dev/null) || return 1
    [ -n "$SUPERVISOR" ] && grep -qszxF "KERBLINE_RUN=supervisor $DATA" "/proc/$SUPERVISOR/environ"
}

# --- PostgreSQL and Redis -------------------------------------------------------------------------

# postgres_as: set AS to what makes PostgreSQL run as somebody other than root, which it insists on.
postgres_as() {
    local user group owner=0 right
    AS=()
    is_root || return 0
    [ ! -d "$DATA/pg" ] || owner=$(stat -c %u "$DATA/pg")
    user=$(id -un postgres 2>/dev/null || echo nobody)
    group=$(id -g "$user")
    # In a user namespace root is seen as that user, and the files stay root's.
    AS=(unshare --user --map-user="$(id -u "$user")" --map-group="$group")
    if [ "$owner" -eq 0 ] && "${AS[@]}" true 2>/dev/null; then return; fi
    # Where there are no namespaces (a chroot, many containers), root becomes that user, who may still
    # walk through folders that only root may enter: a checkout under /root works.
    for right in dac_read_search dac_override; do
        AS=(setpriv --reuid="$user" --regid="$group" --clear-groups "--inh-caps=+$right" "--ambient-caps=+$right" --)
        if "${AS[@]}" true 2>/dev/null; then return; fi
    done
    AS=(setpriv --reuid="$user" --regid="$group" --clear-groups --)
    if "${AS[@]}" true 2>/dev/null; then return; fi
    AS=(runuser -u "$user" --)
}

# hand_over PATH…: where root really becomes another user, that user must own the cluster and reach it.
hand_over() {
    if [ "${#AS[@]}" -eq 0 ] || [ "${AS[0]}" = unshare ]; then return; fi
    chown -R "$(id -un postgres 2>/dev/null || echo nobody):" "$@"
    if "${AS[@]}" ls "$1" >/dev/null 2>&1; then return; fi
    chmod 711 "$DATA"
    "${AS[@]}" ls "$1" >/dev/null || fail "PostgreSQL may not run as root, and nobody else can reach $DATA: use --data-dir."
}

postgres_ready() {
    local lines=()
    [ -f "$DATA/pg/postmaster.pid" ] && mapfile -t lines <"$DATA/pg/postmaster.pid" 2>/dev/null
    [ "${#lines[@]}" -ge 8 ] && [[ ${lines[7]} == ready* ]] &&
        [ "$(readlink "/proc/${lines[0]}/cwd" 2>/dev/null)" = "$DATA/pg" ]
}

redis_ready() {
    local answer=''
    {
        printf 'AUTH %s\r\nPING\r\n' "$REDIS_PASSWORD" >&3
        read -r -t 2 answer <&3 && [[ $answer == +OK* ]] && read -r -t 2 answer <&3
    } 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$REDIS_PORT" && [[ $answer == +PONG* ]]
}

services_ready() { [ -n "$PG_PORT" ] && [ -n "$REDIS_PORT" ] && redis_ready && postgres_ready; }

sql() {
    PGPASSWORD=$PG_SUPER_PASSWORD "${LIBRARIES[@]}" "$PGBIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -p "$PG_PORT" -U postgres -d postgres
}

make_cluster() {
    local new=$DATA/pg.new
    rm -rf "$new" && mkdir "$new" && (umask 077 && printf %s "$PG_SUPER_PASSWORD" >"$new.password")
    hand_over "$new" "$new.password"
    # The folder is there already: initdb may fill it, but not make it, as another user.
    "${AS[@]}" "${LIBRARIES[@]}" "$PGBIN/initdb" -D "$new" -U postgres --auth=scram-sha-256 \
        --pwfile="$new.password" --data-checksums --encoding=UTF8 --locale=C.UTF-8 --no-instructions
    rm -f "$new.password"
    echo "include 'kerbline.conf'" >>"$new/postgresql.conf"
    rm -f "$DATA/roles.done"
    mv "$new" "$DATA/pg"
}

write_postgres_settings() {
    local memory_mb shared
    memory_mb=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
    shared=$((memory_mb / 16))
    [ "$shared" -le 1024 ] || shared=1024
    [ "$shared" -ge 128 ] || shared=128
    cat >"$DATA/pg/kerbline.conf" <<CONF
# Written at every start by ./dev.
port = $PG_PORT
listen_addresses = '127.0.0.1'
unix_socket_directories = ''    # a deep checkout is too long for a socket's path
max_connections = 200
shared_buffers = ${shared}MB
fsync = on
synchronous_commit = on         # 2xx means it is on the disk
jit = off                       # costs more than it gives on short statements
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
log_statement = none            # statements carry what residents wrote
log_min_error_statement = panic # the same, for those that failed
CONF
    hand_over "$DATA/pg"
}

write_redis_settings() {
    (
        umask 077
        cat >"$DATA/redis/redis.conf" <<CONF
bind 127.0.0.1
port $REDIS_PORT
requirepass $REDIS_PASSWORD
dir "$DATA/redis"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
databases 64
CONF
    )
}

make_roles() {
    sql <<SQL
DO \$\$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kerbline_owner') THEN CREATE ROLE kerbline_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kerbline_app') THEN CREATE ROLE kerbline_app; END IF;
END \$\$;
-- The owner may create the PostGIS extension, which only a superuser can. The processes are not the owner.
ALTER ROLE kerbline_owner LOGIN SUPERUSER PASSWORD '$PG_OWNER_PASSWORD';
ALTER ROLE kerbline_app LOGIN PASSWORD '$PG_APP_PASSWORD';
SELECT 'CREATE DATABASE kerbline OWNER kerbline_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'kerbline') \gexec
SQL
    touch "$DATA/roles.done"
}
