/// Completions for zsh, which quotes what it inserts.
struct ZshCompletion {
  let tool: Tool

  private var function: String { "_\(tool.name)" }

  var script: String {
    """
    #compdef \(tool.name)
    # Completions of \(tool.name) for zsh: source <(\(tool.name) completion zsh)
    # Ids and names of runs are read as lines and never evaluated.
    \(function)() {
      local previous="${words[CURRENT-1]}" valued=" " runs="" files="" first_only="" item
      local -a offered choices registry trash
      local -i place=0 index
      # --option=VALUE
      if [[ $PREFIX == -*=* ]]; then
        previous="${PREFIX%%=*}"
        compset -P '*='
      fi
      if (( CURRENT == 2 )); then
        compadd -- \(words(tool.completedWords + ["--help", "--version"]))
        return
      fi
      case "${words[2]}" in
    \(cases)    completion) offered=(bash zsh fish) ;;
      esac
      for (( index = 3; index < CURRENT; index++ )); do
        item="${words[index]}"
        if [[ $item == --registry ]]; then
          registry=(--registry "$(\(function)-plain "${words[index+1]}")")
          (( index++ ))
        elif [[ $item == --registry=* ]]; then
          registry=(--registry "$(\(function)-plain "${item#*=}")")
        elif [[ $item == -?* ]]; then
          [[ $valued == *" $item "* ]] && (( index++ ))
        else
          (( place++ ))
        fi
      done
      if [[ $PREFIX == -* ]]; then
        compadd -- $offered
        return
      fi
      if [[ -n $first_only ]] && (( place > 0 )); then runs="" files="" choices=(); fi
      compadd -- $choices $offered
      [[ -n $runs ]] && \(function)-runs
      [[ -n $files ]] && _files
    }

    # What a word of the command line stands for, as far as that can be told without evaluating it.
    \(function)-plain() {
      local text="${(Q)1}"
      [[ $text == "~/"* ]] && text="$HOME/${text[3,-1]}"
      print -rn -- "$text"
    }

    \(function)-runs() {
      local id name
      local -a ids names
      while IFS=$'\\t' read -r id name; do
        [[ -n $id && $id != *[^0-9a-f-]* ]] || continue
        ids+=("$id")
        [[ -n $name ]] && names+=("$name")
      done < <(command cifar-runs list --completion $trash $registry 2>/dev/null)
      compadd -a ids
      compadd -a names
    }

    if [[ $funcstack[1] == \(function) ]]; then
      \(function) "$@"
    else
      compdef \(function) \(tool.name)
    fi

    """
  }

  private var cases: String {
    var text = ""
    for command in tool.completedCommands {
      text += "    \(command.first))\n"
      if command.takesRun { text += "      runs=1\n" }
      if command.takesTrash { text += "      trash=(--trash)\n" }
      text += "      offered=(\(words(command.words)))\n"
      let valued = command.options.filter { $0.value != nil }
      if !valued.isEmpty {
        text += "      valued=\" \(valued.flatMap(\.names).joined(separator: " ")) \"\n"
        text += "      case \"$previous\" in\n"
        for option in valued { text += values(of: option) }
        text += "      esac\n"
      }
      if !command.choices.isEmpty { text += "      choices=(\(words(command.choices)))\n" }
      if command.takesFile { text += "      files=1\n" }
      if command.isFirstOnly { text += "      first_only=1\n" }
      text += "      ;;\n"
    }
    return text
  }

  private func values(of option: Option) -> String {
    var offers = ""
    if !option.choices.isEmpty { offers += " compadd -- \(words(option.choices));" }
    if option.takesFile { offers += " _files;" }
    return "        \(option.names.joined(separator: "|")))\(offers) return ;;\n"
  }

  private func words(_ words: [String]) -> String { words.joined(separator: " ") }
}
