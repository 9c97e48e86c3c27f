# Ends what a rehearsal started, however the rehearsal itself ended: by its last line, by Ctrl-C or by kill -9.
# $1 is its folder. Each line of standard input is the id of a process it started; the end of the input is the sign.
trap '' HUP INT TERM
cd /
folder=$1
pids=
while read -r pid; do pids="$pids $pid"; done

# Ids are used again by the system. A process of the rehearsal works in its folder, nobody else's does.
ours() {
  case "$(readlink "/proc/$1/cwd")" in "$folder" | "$folder"/*) return 0 ;; *) return 1 ;; esac
}

# Patroni before its PostgreSQL, which it would start again; with it what it runs for itself, such as pg_basebackup.
for pid in $pids; do
  if ours "$pid"; then kill -s KILL -- "-$pid"; fi
done

# SIGQUIT is an immediate shutdown, after which no shared memory is left; a frozen one must go on to hear it.
masters=
for file in "$folder"/*/data/postmaster.pid; do
  [ -r "$file" ] || continue
  master=$(head -n 1 "$file")
  if ours "$master"; then
    masters="$masters $master"
    for child in $(cat "/proc/$master/task/$master/children" 2>/dev/null); do kill -s CONT "$child" 2>/dev/null; done
    kill -s QUIT "$master"
    kill -s CONT "$master"
  else
    # It was killed and did not come back: the seventh line names the segment it could not remove.
    segment=$(sed -n '7s/.* //p' "$file")
    [ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null
  fi
done
tries=0
for master in $masters; do
  while ours "$master" && [ "$tries" -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  if ours "$master"; then kill -s KILL "$master"; fi
done
rm -rf "$folder"
