#!/bin/sh
# Bytes and lines of files: a worker in POSIX shell, for what is quickest said in commands.
#
#   printf '"README.md"\n' | slackwater map --channel stdio --worker 'sh workers/shell/sizes.sh'
#
# Frames are a length of four bytes, high byte first, and as much JSON. There is no JSON parser here: what the parent sends is always
# written {"id":7,"epoch":3,"op":"size","args":...}, and of strings only those are taken in which nothing is escaped.
set -eu
LC_ALL=C # ${#text} counts bytes
export LC_ALL

# The channel is on 0 and 1. Nothing that a command prints by accident shall come there.
exec 3<&0 </dev/null 4>&1 >&2

# A large block in one read, where dd can.
whole=
if dd bs=1 count=0 iflag=fullblock </dev/null 2>/dev/null; then whole=iflag=fullblock; fi

# read_bytes COUNT: to standard output, fewer at the end of the channel.
read_bytes() {
    if [ -n "$whole" ]; then
        dd bs="$1" count=1 $whole <&3 2>/dev/null
    else
        dd bs=1 count="$1" <&3 2>/dev/null
    fi
}

# send TEXT
send() {
    length=${#1}
    head=$(printf '\\%03o\\%03o\\%03o\\%03o' $((length >> 24 & 255)) $((length >> 16 & 255)) \
        $((length >> 8 & 255)) $((length & 255)))
    # The head is a format, as no variable holds a NUL.
    printf "$head%s" "$1" >&4
}

# answer KEY JSON
answer() {
    send "{\"id\":$id,\"epoch\":$epoch,\"$1\":$2}"
}

# fail TYPE MESSAGE: without quotes in it.
fail() {
    answer error "{\"type\":\"$1\",\"message\":\"$2\"}"
}

size() {
    case $1 in
    *\\*) fail Escaped "a name in which something is escaped is too much for a shell" ;;
    '"'*'"')
        file=${1#?}
        file=${file%?}
        if counts=$(wc -cl 2>/dev/null <"$file"); then
            # shellcheck disable=SC2086
            set -- $counts
            answer ok "{\"lines\":$1,\"bytes\":$2}"
        else
            fail NotReadable "cannot read $file; check the path and its permissions"
        fi
        ;;
    *) fail NoName "a name is a string, not $1" ;;
    esac
}

send "{\"ready\":{\"protocol\":1,\"pid\":$$,\"operations\":[\"size\"]}}"
while :; do
    # shellcheck disable=SC2046
    set -- $(read_bytes 4 | od -An -tu1)
    [ $# -eq 4 ] || exit 0
    request=$(read_bytes $(($1 << 24 | $2 << 16 | $3 << 8 | $4)))
    case $request in '{"stop"'*) exit 0 ;; esac
    id=${request#*\"id\":}
    id=${id%%[,\}]*}
    epoch=${request#*\"epoch\":}
    epoch=${epoch%%[,\}]*}
    case $request in
    *'"epoch":'"$epoch"',"ping":'*) answer ok null ;;
    *'"epoch":'"$epoch"',"op":"size",'*)
        args=${request#*\"args\":}
        size "${args%\}}"
        ;;
    *) fail Unknown "this worker has the operation size alone" ;;
    esac
done
