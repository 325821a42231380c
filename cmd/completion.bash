# completion.bash: bash completion for the programs of lmutils: the options and
# the points of a computation as --help has them, otherwise files.
# shellcheck shell=bash

_lmutils()
{
	local words=
	case $3 in
	--from | --until | --tap)
		words=$("$1" --help 2>/dev/null | sed -n 's/^Points: //p')
		;;
	*)
		[[ $2 == -* ]] && words=$("$1" --help 2>/dev/null | sed -n '/^  *-/p' |
			grep -oE -e '(^|[ ,])--?[[:alnum:]][-[:alnum:]]*' | tr -d ' ,')
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}

complete -o default -F _lmutils tok embed attn ffn logits sample block lm lmget lmtrain
