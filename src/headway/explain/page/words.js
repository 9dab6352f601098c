/* Every word of the page, English and Korean. No particle after a quoted token: it would have to agree with it. */
import { $$ } from "dom";

const WORDS = {
  skip: ["Skip to attention", "어텐션으로 건너뛰기"], keyboard: ["Keyboard", "자판"], close: ["Close", "닫기"],
  language: ["한국어", "English"], toDark: ["Dark", "어둡게"], toLight: ["Light", "밝게"], tokens: ["Tokens", "토큰"],
  tokensCaption: [
    "The text is cut into pieces the model knows, each with a number. Choose a piece and every picture below follows it.",
    "글은 모델이 아는 조각으로 나뉘고, 조각마다 번호가 붙습니다. 조각을 고르면 아래 모든 그림이 그 조각을 따라갑니다.",
  ],
  source: ["Source", "입력문"], targetWritten: ["Target, written by the model", "출력문 (모델이 씀)"],
  targetGiven: ["Target, given", "출력문 (주어진 글)"], text: ["Text", "글"], count: ["tokens", "토큰"],
  special: ["special", "특수 토큰"], unknown: ["unknown to this tokenizer", "이 토크나이저가 모르는 조각"],
  attention: ["Attention", "어텐션"],
  attentionCaption: [
    "Each row shows where one token looks, and how much. Every row adds up to 1.",
    "한 줄은 한 토큰이 어디를 얼마나 보는지 나타냅니다. 각 줄의 합은 1입니다.",
  ],
  allHeads: ["All heads", "모든 헤드"], block: ["Attention block", "어텐션 블록"], wall: ["Heads by layer", "층별 헤드"],
  wallHint: ["Rows are layers, columns are heads. Outlined: the head on show.", "세로는 층, 가로는 헤드. 테두리: 지금 보는 헤드."],
  encoder: ["Encoder", "인코더"], decoder: ["Decoder", "디코더"], cross: ["Cross", "교차"],
  view: ["View", "보기"], matrix: ["Matrix", "행렬"], lines: ["Lines", "선"],
  matrixPane: ["Attention matrix, arrow keys move the cell", "어텐션 행렬, 화살표로 칸을 옮깁니다"],
  linesLabel: ["Lines from each token to the tokens it looks at", "토큰마다 어디를 보는지 잇는 선"],
  legend: ["Colour scale, from pale to strong", "색 눈금"], squareRoot: ["square-root scale", "제곱근 눈금"],
  masked: ["masked: no looking ahead", "앞날은 가려져 있습니다"], looksAtTitle: ["What this head looks at", "이 헤드가 보는 곳"],
  asTable: ["Show this row as a table", "이 줄을 표로 보기"], token: ["token", "토큰"], weight: ["weight", "가중치"],
  standing: [
    "Attention shows where the model looks, not why it answered.",
    "어텐션은 모델이 어디를 보는지 보여 줄 뿐, 왜 그렇게 답했는지는 말해 주지 않습니다.",
  ],
  from: ["from", "보는 토큰"], writingNow: ["writing", "쓰는 토큰"], to: ["looks at", "보이는 토큰"],
  toSource: ["looks at, in the source", "입력문에서 보는 곳"], self: ["itself", "자기 자신"], previous: ["one before", "바로 앞"],
  following: ["one after", "바로 뒤"], first: ["first token", "첫 토큰"], same: ["same piece", "같은 조각"],
  marks: ["punctuation", "문장 부호"], far: ["4+ away", "4칸 밖"], to_self: ["the token itself", "자기 자신으로"],
  to_previous: ["the token just before", "바로 앞 토큰으로"], to_following: ["the token just after", "바로 뒤 토큰으로"],
  to_first: ["the first token", "첫 토큰으로"], to_same: ["other copies of the same piece", "같은 조각으로"],
  to_marks: ["punctuation and end marks", "문장 부호와 끝 표시로"], next: ["Next token", "다음 토큰"],
  nextCaption: [
    "The model shares one unit of probability over its whole vocabulary. Here are the likeliest pieces.",
    "모델은 어휘 전체에 확률 1을 나누어 줍니다. 그중 가장 그럴듯한 조각들입니다.",
  ],
  gap: ["Masked token", "가린 토큰"],
  gapCaption: [
    "In the place of a mask the model shares one unit of probability over its whole vocabulary. Choose a mask above.",
    "모델은 가린 자리마다 어휘 전체에 확률 1을 나누어 줍니다. 위에서 가린 자리를 고르십시오.",
  ],
  others: ["all others", "나머지 어휘"], everyStep: ["Chosen token, step by step", "단계별 선택 확률"],
  writing: ["Writing", "쓰기"], reading: ["Reading", "읽기"], stepBefore: ["Previous writing step", "이전 쓰기 단계"],
  stepAfter: ["Next writing step", "다음 쓰기 단계"], keyToken: ["token", "토큰"], keyLayer: ["layer", "층"],
  keyHead: ["head", "헤드"], keyStep: ["writing step", "쓰기 단계"], keyView: ["matrix, lines", "행렬, 선"],
  keyBlock: ["next block", "다음 블록"], keyDark: ["dark or light", "어둡게, 밝게"],
  keyClear: ["let go of the token looked at", "보이는 토큰 놓기"], keyHelp: ["this list", "이 목록"],
  keyInside: ["In the matrix and in the wall, arrows move the cell.", "행렬과 헤드 벽 안에서는 화살표가 칸을 옮깁니다."],
};

/* Sentences with values in them; parts that are arrays [class, text] become bold words of that class. */
const SENTENCES = {
  size: [(layers, heads) => [`${layers} layers × ${heads} heads`], (layers, heads) => [`${layers}층 × 헤드 ${heads}개`]],
  vocabulary: [n => [`${n} pieces`], n => [`조각 ${n}개`]],
  headName: [
    (block, layer, head) => [`${block} · layer ${layer} · head ${head}`],
    (block, layer, head) => [`${block} · 층 ${layer} · 헤드 ${head}`],
  ],
  cell: [(layer, head) => [`Layer ${layer}, head ${head}`], (layer, head) => [`층 ${layer}, 헤드 ${head}`]],
  average: [n => [`Looks at ${n} tokens on average.`], n => [`평균 ${n}개 토큰을 봅니다.`]],
  even: [() => ["Spreads its weight ", ["", "almost evenly"], ". "], () => [["", "거의 고르게"], " 봅니다. "]],
  near: [() => ["Stays ", ["", "close by"], ". "], () => [["", "가까운 곳"], "을 봅니다. "]],
  distance: [d => ["Mean distance ", ["", d], " tokens. "], d => ["평균 거리 ", ["", d], ". "]],
  share: [
    (p, where) => [["", p], " of its weight goes to ", ["", where], ". "],
    (p, where) => ["가중치의 ", ["", p], "가 ", ["", where], " 갑니다. "],
  ],
  looks: [
    (name, list) => [["query", name], " looks at ", ...list, "."],
    (name, list) => [["query", name], " → ", ...list],
  ],
  looksWriting: [
    (name, list) => ["While writing ", ["query", name], " the model looks at ", ...list, "."],
    (name, list) => ["쓰는 토큰 ", ["query", name], " → ", ...list],
  ],
  chosen: [
    (name, n, of) => [["query", name], ` · token ${n} of ${of} · `],
    (name, n, of) => [["query", name], ` · ${of}개 중 ${n}번째 토큰 · `],
  ],
  unknowns: [
    n => [n === 1 ? "1 piece is unknown to this tokenizer." : `${n} pieces are unknown to this tokenizer.`],
    n => [`이 토크나이저가 모르는 조각이 ${n}개 있습니다.`],
  ],
  truncated: [
    (all, kept) => [`Too long: ${kept} of ${all} tokens were read; what is struck through was not. `],
    (all, kept) => [`너무 길어 토큰 ${all}개 중 ${kept}개만 읽었습니다. 줄을 그은 곳은 읽지 않았습니다. `],
  ],
  recorded: [
    day => [`Recorded ${day}. `],
    day => [`${day} 기록. `],
  ],
  noModel: [
    () => ["The page runs no model: another text needs another ", ["code", "headway attend"], "."],
    () => ["이 페이지는 모델을 돌리지 않습니다. 다른 글은 ", ["code", "headway attend"], " 명령으로 새로 만듭니다."],
  ],
  kept: [
    (list, total) => [`To stay small this file holds layers ${list} of ${total}.`],
    (list, total) => [`파일이 너무 커지지 않도록 ${total}개 층 가운데 ${list}층만 담았습니다.`],
  ],
  wroteOn: [
    n => [n === 1 ? "Text, its last token written by the model" : `Text, its last ${n} tokens (underlined) written by the model`],
    n => [`글 (밑줄 친 끝의 토큰 ${n}개는 모델이 씀)`],
  ],
  offers: [n => ["What the model offered at step ", ["", n]], n => [["", n], "번째 단계에서 모델이 내놓은 조각"]],
  offersMask: [
    (n, of) => of === 1 ? ["What the model offers for the mask"] : ["What the model offers for mask ", ["", n], ` of ${of}`],
    (n, of) => of === 1 ? ["가린 자리에 모델이 내놓은 조각"] : [`가린 자리 ${of}곳 중 `, ["", n], "번째에 모델이 내놓은 조각"],
  ],
  lossIs: [
    (loss, entropy, rank) => ["Loss −log p = ", ["", loss], ` nats · entropy ${entropy} nats · rank ${rank}`],
    (loss, entropy, rank) => ["손실 −log p = ", ["", loss], ` 내트 · 엔트로피 ${entropy} 내트 · ${rank}순위`],
  ],
  sparkLabel: [
    (n, name, p) => [`${n} steps; least likely: ${name}, ${p}`],
    (n, name, p) => [`${n} 단계, 가장 낮은 확률: ${name}, ${p}`],
  ],
  piece: [(n, of) => [`piece ${n} of ${of}`], (n, of) => [`조각 ${n}/${of}`]],
  broken: [
    reason => [`The weights could not be unpacked (${reason}). Use a browser of 2024 or later, or write the page again.`],
    reason => [`가중치를 풀지 못했습니다 (${reason}). 2024년 이후의 브라우저를 쓰거나 파일을 다시 만드십시오.`],
  ],
};

let language = "en";
export const setLanguage = name => { language = name; };
export const t = key => WORDS[key][+(language === "ko")];
export const say = (key, ...values) => SENTENCES[key][+(language === "ko")](...values);
export const plain = parts => parts.map(part => Array.isArray(part) ? part[1] : part).join("");

/* Fills the words of the fixed part of the page. */
export function translate() {
  for (const node of $$("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of $$("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
}

export const percent = p => p > 0 && p < 0.0005 ? "< 0.1 %" : `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)} %`;
export const decimal = a => a.toFixed(2).replace(/^0/, "");
