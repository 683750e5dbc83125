# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # names are shared with dev, which stops at errors
#
# Who keeps the processes of a data folder alive, and how all of them start and end.

# --- The supervisor -------------------------------------------------------------------------------

# program NAME PRIORITY SIGNAL AUTOSTART WAIT: one section of the supervisor's file. What dies is started
# again at once; what cannot stay up is tried after one second, two, three …
program() {
    cat <<CONF

[program:$1]
command='$ROOT/dev' run-program $1 '$DATA'
directory=$ROOT
priority=$2
stopsignal=$3
autostart=$4
autorestart=true
startsecs=1
startretries=1000000
stopwaitsecs=$5
killasgroup=true
redirect_stderr=true
stdout_logfile=$DATA/log/$1.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
CONF
}

write_supervisor_settings() {
    (
        umask 077
        {
            cat <<CONF
; Written at every start by ./dev.
[supervisord]
logfile=$DATA/log/supervisor.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile=$DATA/run/supervisord.pid
childlogdir=$DATA/log
directory=$ROOT
$(! is_root || echo user=root)

[inet_http_server]
port=127.0.0.1:$CONTROL_PORT
username=dev
password=$CONTROL_PASSWORD

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
CONF
            if [ -z "${EXTERNAL:-}" ]; then
                program postgres 10 INT true 30
                program redis 10 TERM true 10
            fi
            program worker 20 TERM false 20
            program api 30 TERM false 20
        } >"$DATA/run/supervisord.conf"
    )
}

start_supervisor() {
    rm -f "$DATA/run/supervisord.pid"
    KERBLINE_RUN="supervisor $DATA" "$VENV/bin/python" -m supervisor.supervisord \
        -c "$DATA/run/supervisord.conf" </dev/null 8>&- 9>&-
    until_true 10 supervised
}

# control METHOD NAME WAIT: ask the supervisor to start or stop one program. A line of XML over a socket,
# because supervisorctl takes a second of Python for it. A program that is already so is no error.
control() {
    local body answer
    body="<methodCall><methodName>supervisor.$1</methodName><params><param><value><string>$2</string></value></param>"
    body+="<param><value><boolean>$3</boolean></value></param></params></methodCall>"
    {
        printf 'POST /RPC2 HTTP/1.0\r\nAuthorization: Basic %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s' \
            "$(printf 'dev:%s' "$CONTROL_PASSWORD" | base64)" "${#body}" "$body" >&3
        answer=$(cat <&3)
    } 3<>"/dev/tcp/127.0.0.1/$CONTROL_PORT" || return 1
    case $answer in *'<boolean>1</boolean>'* | *ALREADY_STARTED* | *NOT_RUNNING*) ;; *) echo "$answer" && return 1 ;; esac
}

# run-program NAME DATA: what the supervisor starts. Clears what a killed predecessor left, then becomes it.
run_program() {
    local name=$1 pid
    use_data "$2"
    load_instance
    find_postgres || true
    find_libraries
    export KERBLINE_RUN="$name $DATA"
    case $name in
    postgres)
        postgres_as
        # Backends of a killed server end by themselves, unless one is deep in a query.
        until_true 3 is_unattended || for pid in $(working_in "$DATA/pg"); do kill -QUIT "$pid" || true; done
        until_true 5 is_unattended || for pid in $(working_in "$DATA/pg"); do kill -KILL "$pid" || true; done
        is_unattended && rm -f "$DATA/pg/postmaster.pid" # its number may be another process's by now
        exec "${AS[@]}" "${LIBRARIES[@]}" "$PGBIN/postgres" -D "$DATA/pg"
        ;;
    redis)
        find_redis
        for pid in $(working_in "$DATA/redis"); do kill -KILL "$pid" || true; done
        cd "$DATA/redis"
        exec "${LIBRARIES[@]}" "$REDIS" "$DATA/redis/redis.conf"
        ;;
    api | worker)
        for pid in $(marked "$name"); do [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null || true; done
        # shellcheck source=/dev/null
        . "$DATA/run/up.env"
        cd "$ROOT"
        if [ "$name" = worker ]; then exec "$VENV/bin/python" -m workers; fi
        exec "$VENV/bin/python" -m reporting serve --host 127.0.0.1 --port "$PORT" --workers "$WORKERS"
        ;;
    esac
}

is_unattended() { [ -z "$(working_in "$DATA/pg")" ]; }

# --- Starting and stopping ------------------------------------------------------------------------

# locked: one start or stop of a data folder at a time.
lock() {
    exec 9>"$DATA/run/lock"
    flock -w 300 9 || fail "Another ./dev is busy with $DATA."
}
unlock() { exec 9>&-; }

start_services() {
    if supervised; then
        # It may just be bringing one back.
        until_true 10 services_ready && return
    fi
    stop_everything
    choose_ports
    postgres_as
    [ -f "$DATA/pg/PG_VERSION" ] || step "Making a PostgreSQL cluster" make_cluster
    write_postgres_settings
    write_redis_settings
    write_supervisor_settings
    step "Starting PostgreSQL and Redis" start_and_wait
    [ -f "$DATA/roles.done" ] || step "Making the database and its roles" make_roles
}

start_and_wait() {
    start_supervisor
    until_true 60 services_ready || {
        tail -n 5 "$DATA/log/postgres.log" "$DATA/log/redis.log"
        return 1
    }
}

# ensure_services: quick when they are up.
ensure_services() {
    load_instance
    if services_ready && [ -f "$DATA/roles.done" ]; then return; fi
    lock
    load_instance
    if ! services_ready || [ ! -f "$DATA/roles.done" ]; then start_services; fi
    unlock
}

# stop_everything: the supervisor first, in its order; then whatever a killed one left behind.
stop_everything() {
    local pid
    if supervised; then
        kill -TERM "$SUPERVISOR" 2>/dev/null || true
        until_true 60 is_gone "$SUPERVISOR" || kill -KILL "$SUPERVISOR" 2>/dev/null || true
    fi
    if nothing_runs; then return; fi
    for pid in $(marked supervisor api worker) $(working_in "$DATA/redis"); do kill -TERM "$pid" 2>/dev/null || true; done
    pid=$(head -n 1 "$DATA/pg/postmaster.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$DATA/pg" ]; then kill -INT "$pid" 2>/dev/null || true; fi
    until_true 15 nothing_runs && return
    for pid in $(everything_running); do kill -KILL "$pid" 2>/dev/null || true; done
    until_true 10 nothing_runs || fail "These would not end: $(everything_running | tr '\n' ' ')"
}
