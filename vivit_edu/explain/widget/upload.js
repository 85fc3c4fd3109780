import { make } from "./dom.js";

const PIECE = 2 ** 21; // bytes of a file sent at a time: a notebook server takes messages of 10 MB at most

// A reader's own video: dropped or chosen, it goes to the kernel piece by piece.
export const dropZone = (shell) => {
  const pick = make("input", { type: "file", accept: "video/*,image/gif", className: "file" });
  pick.onchange = () => pick.files[0] && send(shell, pick.files[0]);
  const drop = make("label", { className: "drop" }, "Your own video: drop a file here, or ", pick);
  drop.ondragover = (event) => (event.preventDefault(), drop.toggleAttribute("data-over", true));
  drop.ondragleave = () => drop.toggleAttribute("data-over", false);
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.toggleAttribute("data-over", false);
    if (event.dataTransfer.files[0]) send(shell, event.dataTransfer.files[0]);
  };
  return drop;
};

const send = async (shell, file) => {
  shell.say(`sending ${file.name} …`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  for (let start = 0; start === 0 || start < bytes.length; start += PIECE) {
    const piece = bytes.slice(start, start + PIECE);
    const last = start + PIECE >= bytes.length;
    shell.model.send({ kind: "video", name: file.name, start, last }, undefined, [piece.buffer]);
  }
};
