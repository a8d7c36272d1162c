/** Completion for bash, from the tables of the commands. Pure. */
import { type CommandSpec, HELP_OPTION } from '../cli/spec.ts';

/** Apps of this host, but for those in deep sleep, by their sockets. */
const APPS = "$(find /run/fastcontainer -maxdepth 1 -type l -name '*.sock' -printf '%f\\n' 2>/dev/null | sed 's/\\.sock$//')";

/** The file for `/usr/share/bash-completion/completions/<name>`. */
export function bashCompletion(spec: CommandSpec): string {
  const options = [...spec.options, HELP_OPTION];
  const words = [...options.map(({ name }) => `--${name}`), ...(spec.verbs ?? []).map(({ name }) => name)];
  const id = spec.name.replaceAll('-', '_');
  const cases = options.filter(({ value }) => value !== undefined).map(({ name, short, completes }) => {
    const reply = completes === 'file' ? '_filedir' : `COMPREPLY=($(compgen -W '${(completes ?? []).join(' ')}' -- "$cur"))`;
    return `\t\t--${name}${short === undefined ? '' : ` | -${short}`}) ${reply}; return ;;`;
  });
  return `# bash completion of ${spec.name}
_${id}() {
	local cur prev words cword
	_init_completion || return
	case $prev in
${cases.length === 0 ? '\t\t*) ;;' : cases.join('\n')}
	esac
	COMPREPLY=($(compgen -W '${words.join(' ')}'${spec.words === 'app' ? `" ${APPS}"` : ''} -- "$cur"))
}
complete -F _${id} ${spec.name}
`;
}
