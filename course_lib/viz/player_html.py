"""The player without a kernel: HTML controls over pictures drawn beforehand."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.viz.players import Player

# Shows the picture for the sliders' positions; steps the first slider while playing. No library.
SCRIPT = """
(function(){
  var box=document.currentScript.closest('.course-player');
  if(!box)return;
  var sliders=[].slice.call(box.querySelectorAll('input[type=range]'));
  var pictures=box.querySelectorAll('img');
  var button=box.querySelector('button'),timer=null;
  function show(){
    var index=0;
    sliders.forEach(function(s){
      index=index*(+s.max+1)+(+s.value);
      var name=JSON.parse(s.dataset.names)[+s.value];
      s.setAttribute('aria-valuetext',name);
      s.parentNode.querySelector('output').textContent=name;
    });
    [].forEach.call(pictures,function(p,i){p.style.display=i===index?'block':'none';});
    box.dataset.frame=index;
  }
  function stop(){
    clearInterval(timer);timer=null;
    button.textContent='\\u25b6';button.setAttribute('aria-label','Play');
  }
  function step(){
    var s=sliders[0];
    if(+s.value>=+s.max){stop();return;}
    s.value=+s.value+1;show();
    if(+s.value>=+s.max)stop();
  }
  sliders.forEach(function(s){s.addEventListener('input',function(){if(timer)stop();show();});});
  if(button)button.addEventListener('click',function(){
    if(timer){stop();return;}
    if(+sliders[0].value>=+sliders[0].max)sliders[0].value=0;
    show();button.textContent='\\u275a\\u275a';button.setAttribute('aria-label','Pause');
    timer=setInterval(step,+box.dataset.interval);
  });
  box.classList.add('course-player-ready');show();
})();
"""

ROW = "display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:center;margin-bottom:.4rem"


def page(player: "Player") -> str:
    """The HTML of a player; the first picture shows also where scripts do not run."""
    import json

    controls = []
    if any(len(names) > 1 for names in player.axes.values()):
        controls.append('<button type="button" aria-label="Play">▶</button>')
    for label, names in player.axes.items():
        listed = escape(json.dumps(list(names), ensure_ascii=False), quote=True)
        controls.append(
            '<label style="display:inline-flex;flex:1 1 14rem;gap:.5rem;align-items:center">'
            f"<span>{escape(label)}</span>"
            f'<input type="range" min="0" max="{len(names) - 1}" step="1" value="0" autocomplete="off" '
            f'aria-valuetext="{escape(names[0], quote=True)}" data-names="{listed}" '
            'style="flex:1;min-width:6rem">'
            f'<output style="min-width:4ch">{escape(names[0])}</output></label>'
        )
    pictures = "".join(
        f'<img src="{frame.uri}" alt="{escape(frame.alt, quote=True)}" '
        f'style="width:{frame.picture.width}px;max-width:100%;height:auto;'
        f'display:{"none" if number else "block"}">'
        for number, frame in enumerate(player.frames)
    )
    name = escape(player.alt, quote=True)
    return (
        f'<div class="course-player" role="group" aria-label="{name}" data-interval="{player.interval}">'
        f'<div class="course-player-controls" style="{ROW}">{"".join(controls)}</div>'
        f'<div class="course-player-frames">{pictures}</div>'
        f"<script>{SCRIPT}</script></div>"
    )
