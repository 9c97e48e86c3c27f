# Outlives the process that started it, whatever ended that one: then ends the server and removes its folder ($1).
#
# Standard input is a pipe that only that process holds open. Each line names the process to end, by its id and the time
# of its start: `ID BEGAN`. The last line counts.
trap '' HUP INT QUIT TERM
pid=
while read -r id began_at; do
    pid=$id
    began=$began_at
done

# Whether it is still the process that was named, and has not ended. The start is the 20th field after the name.
alive() {
    [ -n "$pid" ] || return 1
    { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
    set -- ${stat##*) }
    [ "$1" != Z ] && [ "$1" != X ] && [ "${20}" = "$began" ]
}

# Tells PostgreSQL to end at once and tidy up its shared memory, even if it was halted.
if alive; then
    kill -s QUIT "$pid"
    kill -s CONT "$pid"
fi
tries=0
while alive && [ "$tries" -lt 200 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
if alive; then
    kill -s KILL "$pid"
fi

# Children that lost their parent may still be writing.
tries=0
until rm -rf -- "$1" 2>/dev/null || [ "$tries" -ge 100 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
