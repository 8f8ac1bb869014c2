/**
 * What a shell runs at each Tab: it asks the program itself (`complete`), which knows its commands, and falls back to files where
 * that says nothing.
 */
export const completionScripts = {
  bash: `_grapevine() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _grapevine grapevine grapevine.js
`,
  zsh: `_grapevine() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null | sed 's/:/\\\\:/g; s/\\t/:/')}")
  if [[ -n "\${found[1]}" ]]; then _describe grapevine found; else _files; fi
}
compdef _grapevine grapevine grapevine.js
`,
  fish: `function __grapevine_complete
  set -l words (commandline -opc)
  $words[1] complete -- $words[2..] (commandline -ct) 2>/dev/null
end
complete -c grapevine -a '(__grapevine_complete)'
complete -c grapevine.js -a '(__grapevine_complete)'
`,
} as const;

export type Shell = keyof typeof completionScripts;
export const shells = Object.keys(completionScripts) as readonly Shell[];
