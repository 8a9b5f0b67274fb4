/// How pages about runs look: a report, and those of `cifar-runs ui`.
enum PageStyle {
  static let text = """
    :root { color-scheme: light dark; --line: #8884; --dim: #888; --mark: #d55e00;
      --ground: #fff; --ink: #222; --raised: #8881; --link: #0a66b5 }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #16181c; --ink: #ddd; --link: #6cb2f2 } }
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2em auto;
      padding: 0 1em; background: var(--ground); color: var(--ink) }
    h1 { font-size: 1.6em; overflow-wrap: anywhere } h2 { overflow-wrap: anywhere; font-size: 1.15em; margin: 2em 0 .5em }
    table { border-collapse: collapse; font-size: .92em }
    th, td { padding: .25em .8em; text-align: left; border-bottom: 1px solid var(--line);
      vertical-align: top; max-width: 30em; overflow-wrap: break-word }
    th { color: var(--dim); font-weight: normal }
    .facts td, .facts th { white-space: nowrap }
    .facts .words { white-space: normal; width: max-content; max-width: 22em;
      overflow-wrap: anywhere }
    td.number { text-align: right; font-variant-numeric: tabular-nums }
    .scroll { overflow-x: auto } .differs td { color: var(--mark) }
    .swatch { display: inline-block; width: .9em; height: .9em; border-radius: 2px;
      margin-right: .5em; vertical-align: -1px }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
      gap: 1.5em }
    .chart { position: relative } .chart svg { width: 100%; display: block; overflow: visible }
    .chart text { font-size: 11px; fill: var(--dim) }
    .chart .raw { fill: none; stroke-width: 1; opacity: .35 }
    .chart .grid { stroke: var(--line) } .chart .curve { fill: none; stroke-width: 1.8 }
    .chart .band { fill-opacity: .2 }
    .chart .band.train { fill-opacity: .07; stroke-opacity: .45; stroke-dasharray: 2 3 }
    .chart .cursor { stroke: var(--dim); stroke-dasharray: 2 3 }
    .tip { position: absolute; pointer-events: none; background: var(--ground);
      border: 1px solid var(--line); border-radius: 4px; padding: .3em .6em; font-size: .82em;
      max-width: 90%; overflow-wrap: anywhere; width: max-content; z-index: 1; box-shadow: 0 2px 8px #0003 }
    .confusion td { text-align: center; min-width: 2.2em; padding: .3em; border: 0 }
    .confusion th { text-align: right } .confusion tr:first-child th { writing-mode: vertical-rl;
      transform: rotate(180deg); text-align: left }
    .images { display: flex; flex-wrap: wrap; gap: .8em }
    .images figure { margin: 0; font-size: .8em; width: 96px }
    .images canvas { width: 96px; height: 96px; image-rendering: pixelated; display: block }
    .controls { display: flex; flex-wrap: wrap; gap: .3em 1.2em; align-items: center; color: var(--dim);
      margin: .3em 0 .8em } .controls input { vertical-align: -2px }
    .controls output { display: inline-block; min-width: 2.4em; font-variant-numeric: tabular-nums }
    .legend { overflow-wrap: anywhere; display: flex; flex-wrap: wrap; gap: .2em 1.2em; margin: .3em 0; color: var(--dim) }
    .chart strong { font-weight: 600 }
    pre { white-space: pre-wrap; margin: 0; font: inherit } label { color: var(--dim) }
    """
}
