/// How the page of `cifar-runs ui` looks, beside what it has in common with a report.
enum UIStyle {
  static let text = """
    body { max-width: 1240px; margin: 0 auto; padding: 0 1em 3em }
    header { display: flex; flex-wrap: wrap; gap: .2em 1em; align-items: baseline; padding: .9em 0 .7em;
      border-bottom: 1px solid var(--line); margin-bottom: 1em }
    header .home { font-weight: 600; font-size: 1.15em; color: inherit; text-decoration: none }
    #registry { color: var(--dim); overflow-wrap: anywhere; flex: 1 1 10em; font-size: .9em }
    #live { color: var(--dim); font-size: .9em; white-space: nowrap }
    #live::before { content: ""; display: inline-block; width: .6em; height: .6em; border-radius: 50%;
      background: var(--dim); margin-right: .45em }
    #live.live::before { background: #009e73 } #live.lost::before { background: var(--mark) }
    a { color: var(--link) }
    form.filter { display: flex; flex-wrap: wrap; gap: .5em; margin-bottom: .6em }
    form.filter input { flex: 1 1 16em; min-width: 0 }
    input[type=text], button, details.menu > summary { font: inherit; color: inherit;
      background: var(--raised); border: 1px solid var(--line); border-radius: 6px;
      padding: .32em .7em }
    button, details.menu > summary { cursor: pointer }
    button:disabled { opacity: .45; cursor: default }
    button:focus-visible, a:focus-visible, input:focus-visible, summary:focus-visible {
      outline: 2px solid var(--link); outline-offset: 1px }
    .bar { display: flex; flex-wrap: wrap; gap: .5em .7em; align-items: center; margin: .6em 0 }
    .bar .count { color: var(--dim); margin-right: auto }
    details.menu { position: relative } details.menu > summary { list-style: none }
    details.menu > summary::-webkit-details-marker { display: none }
    details.menu > div { position: absolute; right: 0; top: calc(100% + 4px); z-index: 3; width: 16em;
      max-width: 80vw; background: var(--ground); border: 1px solid var(--line); border-radius: 8px;
      padding: .7em .9em; box-shadow: 0 4px 18px #0004; max-height: 60vh; overflow-y: auto }
    details.menu label { display: block; color: inherit; padding: .12em 0 }
    details.menu form { display: flex; gap: .4em; margin-top: .5em }
    details.menu form input { min-width: 0; flex: 1 }
    .error { color: var(--mark); overflow-wrap: anywhere } .error:empty { display: none }
    .empty { color: var(--dim); padding: 2em 0; text-align: center }
    table.runs { width: 100% }
    table.runs th, table.runs td { white-space: nowrap; max-width: 15em; overflow: hidden;
      text-overflow: ellipsis; padding: .3em .7em; vertical-align: middle }
    .clipped { display: inline-flex; max-width: 100%; vertical-align: bottom }
    .clipped span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: pre }
    .clipped span:last-child { flex: none; white-space: pre }
    table.runs th button { all: unset; cursor: pointer } table.runs th.number { text-align: right }
    table.runs th button:focus-visible { outline: 2px solid var(--link) }
    table.runs th[aria-sort] { color: inherit; font-weight: 600 }
    table.runs tbody tr:hover { background: var(--raised) }
    table.runs td.on { padding: 0 .2em 0 .4em; width: 1.6em }
    table.runs td.on input { accent-color: var(--on, var(--link)); width: 1.05em; height: 1.05em;
      margin: 0; display: block }
    table.runs td a { text-decoration: none; font-weight: 500 }
    table.runs td a:hover { text-decoration: underline }
    main .charts { grid-template-columns: repeat(auto-fit, minmax(min(360px, 100%), 1fr)) }
    @media (min-width: 1140px) { main .chart text { font-size: 13px } }
    .status { display: inline-flex; align-items: center; gap: .45em }
    .status::before { content: ""; width: .55em; height: .55em; border-radius: 50%;
      background: var(--dim) }
    .status.completed::before { background: #009e73 }
    .status.running::before { background: #3b8ee8 }
    .status.stopped::before, .status.interrupted::before { background: #e69f00 }
    .status.failed::before, .status.crashed::before { background: #d55e00 }
    .sweep svg { width: 100%; display: block }
    .sweep text { font-size: 11px; fill: var(--dim) } .sweep .title { fill: var(--ink); font-size: 12px }
    .sweep text { paint-order: stroke; stroke: var(--ground); stroke-width: 7px;
      stroke-linejoin: round } .sweep .mark { pointer-events: none }
    .sweep .axis { stroke: var(--dim) }
    .sweep .line { fill: none; stroke-width: 1.4; opacity: .75; cursor: pointer }
    .sweep svg:hover .line { opacity: .25 }
    .sweep svg .line:hover, .sweep svg .line:focus { opacity: 1; stroke-width: 3; outline: none }
    .sweep .tip { position: static; display: inline-block; white-space: normal; box-shadow: none }
    .scale { display: flex; gap: .6em; align-items: center; color: var(--dim); font-size: .85em }
    .scale svg { width: 10em; height: .7em; min-width: 0; border-radius: 3px }
    @media (max-width: 700px) {
      body { padding: 0 .7em 2em; font-size: 14px }
      .charts { gap: 1em } .bar .count { flex-basis: 100% }
      .of-started, .of-time, .of-last, .of-recipe { display: none }
      details.menu > div { left: 0; right: auto }
    }
    """
}
