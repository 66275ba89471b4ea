# bash completion for bobbin: the program itself knows what fits.
_bobbin()
{
    local kind word
    COMPREPLY=()
    {
        IFS= read -r kind || return
        while IFS= read -r word; do
            COMPREPLY+=("$word")
        done
    } < <("${1:-bobbin}" __complete -- bash "$COMP_POINT" "$COMP_LINE" "${COMP_WORDS[COMP_CWORD]}" 2>/dev/null)
    case $kind in
    files) compopt -o default 2>/dev/null ;;
    directories) compopt -o dirnames 2>/dev/null ;;
    esac
    # An option's value may follow its '='.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _bobbin bobbin
