/// Completions for bash 4 and newer.
struct BashCompletion {
  let tool: Tool

  private var function: String { "_" + tool.name.replacing("-", with: "_") }

  var script: String {
    """
    # Completions of \(tool.name) for bash: source <(\(tool.name) completion bash)
    # Ids and names of runs are read as lines and never evaluated.
    \(function)() {
      local word="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
      local words="" valued=" " choices="" files="" first_only="" place=0
      local runs=() registry=() index item
      COMPREPLY=()
      # --option=VALUE arrives as three words.
      if [[ $word == = ]]; then
        word=""
      elif [[ $previous == = ]]; then
        previous="${COMP_WORDS[COMP_CWORD-2]}"
      fi
      if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "\(firstWords)" -- "$word"))
        return
      fi
      case "${COMP_WORDS[1]}" in
    \(cases)    completion) words="bash zsh fish" ;;
      esac
      for ((index = 2; index < COMP_CWORD; index++)); do
        item="${COMP_WORDS[index]}"
        if [[ $item == = ]]; then
          continue
        elif [[ $item == --registry ]]; then
          [[ ${COMP_WORDS[index+1]} == = ]] && ((index++))
          registry=(--registry "$(\(function)_plain "${COMP_WORDS[index+1]}")")
          ((index++))
        elif [[ $item == -?* ]]; then
          [[ ${COMP_WORDS[index+1]} == = ]] && ((index++))
          [[ $valued == *" $item "* ]] && ((index++))
        else
          ((place++))
        fi
      done
      if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
        return
      fi
      if [[ $first_only && $place -gt 0 ]]; then runs=() files="" choices=""; fi
      COMPREPLY=($(compgen -W "$choices $words" -- "$word"))
      ((${#runs[@]})) && \(function)_runs "$files"
      [[ $files ]] && \(function)_files
    }

    # What a word of the command line stands for, as far as that can be told without evaluating it.
    \(function)_plain() {
      local text="$1"
      [[ $text == "~/"* ]] && text="$HOME/${text:2}"
      printf %s "${text//[\\\\\\"\\']/}"
    }

    # Adds the ids and names of runs that begin with $word. Beside files only names without spaces
    # and the like are offered: what quotes the names of files would quote them once more.
    \(function)_runs() {
      local id name quoted
      while IFS=$'\\t' read -r id name; do
        [[ $id && $id != *[!0-9a-f-]* ]] || continue
        [[ $id == "$word"* ]] && COMPREPLY+=("$id")
        # Words end at these characters, even if they are quoted.
        [[ $name && $name != *[:=]* ]] || continue
        printf -v quoted %q "$name"
        [[ $1 && $quoted != "$name" ]] && continue
        [[ $quoted == "$word"* ]] && COMPREPLY+=("$quoted")
      done < <(command "${runs[@]}" "${registry[@]}" 2>/dev/null)
    }

    # Adds the files that begin with $word; bash quotes their names.
    \(function)_files() {
      local file
      while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$word")
      compopt -o filenames 2>/dev/null
    }
    complete -F \(function) \(tool.name)

    """
  }

  private var firstWords: String {
    (tool.completedWords + ["--help", "--version"]).joined(separator: " ")
  }

  private var cases: String {
    var text = ""
    for command in tool.completedCommands {
      text += "    \(command.first))\n"
      if command.takesRun { text += "      runs=(\(command.runs))\n" }
      text += "      words=\"\(command.words.joined(separator: " "))\"\n"
      let valued = command.options.filter { $0.value != nil }
      if !valued.isEmpty {
        text += "      valued=\" \(valued.flatMap(\.names).joined(separator: " ")) \"\n"
        text += "      case \"$previous\" in\n"
        for option in valued { text += values(of: option) }
        text += "      esac\n"
      }
      if !command.choices.isEmpty {
        text += "      choices=\"\(command.choices.joined(separator: " "))\"\n"
      }
      if command.takesFile { text += "      files=1\n" }
      if command.isFirstOnly { text += "      first_only=1\n" }
      text += "      ;;\n"
    }
    return text
  }

  private func values(of option: Option) -> String {
    var offers = ""
    if !option.choices.isEmpty {
      let words = option.choices.joined(separator: " ")
      offers += " COMPREPLY=($(compgen -W \"\(words)\" -- \"$word\"));"
    }
    if option.takesFile { offers += " \(function)_files;" }
    return "        \(option.names.joined(separator: "|")))\(offers) return ;;\n"
  }
}
