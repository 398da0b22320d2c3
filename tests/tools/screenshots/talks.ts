/** What the pictured conversations say, in the page's languages. Made up: the tiny pack that opens their clips writes no sense. */
import type { Language } from '../../../src/app/i18n'

export type TalkName = 'answered' | 'parts' | 'several' | 'lost' | 'unsure' | 'failed' | 'long'

type Words = {
  /** The first question of each, which is its title in the list. */
  readonly titles: Readonly<Record<TalkName, string>>
  readonly markdown: string
  readonly follow: string
  readonly short: string
  readonly doubtful: string
  readonly parts: readonly string[]
  readonly quotes: readonly string[]
  readonly order: readonly string[]
  /** Titles of conversations that only fill the list. */
  readonly others: readonly string[]
  readonly longName: string
  /** A word that the list's search finds, and one that it does not. */
  readonly found: string
  readonly missing: string
  readonly moment: string
  readonly renamed: string
}

export const words: Readonly<Record<Language, Words>> = {
  en: {
    titles: {
      answered: 'What is happening?',
      parts: 'Describe the video part by part.',
      several: 'Which of these clips was filmed outdoors, and how can you tell?',
      lost: 'Who threw the ball?',
      unsure: 'What does the sign on the wall say?',
      failed: 'How long does it roll?',
      long: 'Let us go through this second by second',
    },
    markdown:
      'A **red ball** rolls across a meadow from left to right, in front of a small house with a red roof.\n\n- At 0:02 it passes the house.\n- At 0:05 it is near the trees.\n- Then it leaves the picture.\n\nNobody is to be seen.',
    follow: 'Is it indoors or outdoors?',
    short: 'Outdoors: there are a blue sky, clouds and grass.',
    doubtful: 'The sign says that the shop is open until eight.',
    parts: [
      'A red ball lies at the edge of a green meadow.',
      'The ball rolls past a house with a red roof and a blue door.',
      'The ball rolls between two trees under a blue sky with white clouds.',
      'The meadow is empty; the ball has rolled out of sight.',
    ],
    order: ['a red ball on the grass', 'a kite'],
    quotes: [
      'A red ball in a field of grass.',
      'A house with a red roof stands in a meadow.',
      'A kite and a ball on a lawn.',
    ],
    others: [
      'Is anybody at the door?',
      'Birthday, third cake, the one with the candles that would not go out',
      'Where was this filmed?',
      'What does the cat do at the end?',
      'Describe the picture.',
      'Yoga at the lake',
    ],
    longName: 'VID_20261123_174502_garden-and-house_final_cut_2.mp4',
    found: 'meadow',
    missing: 'submarine',
    moment: 'a ball near a tree',
    renamed: 'The red ball',
  },
  'zh-CN': {
    titles: {
      answered: '视频里发生了什么？',
      parts: '请逐段描述这个视频。',
      several: '这些片段中哪一个是在户外拍摄的，你是怎么看出来的？',
      lost: '是谁扔的球？',
      unsure: '墙上的牌子写着什么？',
      failed: '球滚了多久？',
      long: '我们一秒一秒地看一遍',
    },
    markdown:
      '一个**红色的球**从左向右滚过草地，经过一座红屋顶的小房子。\n\n- 0:02 时球经过房子。\n- 0:05 时球靠近树木。\n- 随后球离开画面。\n\n画面中没有人。',
    follow: '这是室内还是室外？',
    short: '室外：可以看到蓝天、白云和草地。',
    doubtful: '牌子上写着商店营业到八点。',
    parts: [
      '一个红色的球停在绿色草地的边缘。',
      '球滚过一座红屋顶、蓝色门的房子。',
      '球在蓝天白云下从两棵树之间滚过。',
      '草地空了，球已经滚出画面。',
    ],
    order: ['一个红球', '一只风筝'],
    quotes: ['草地上的一个红球。', '一座红屋顶的房子坐落在草地上。', '草坪上有风筝和球。'],
    others: [
      '门口有人吗？',
      '生日，第三个蛋糕，蜡烛怎么也吹不灭的那一个，后来大家都笑了',
      '这是在哪里拍的？',
      '猫最后做了什么？',
      '描述这张图片。',
      '湖边的瑜伽',
    ],
    longName: '视频_20261123_174502_花园与房子_最终剪辑版_2.mp4',
    found: '草地',
    missing: '潜水艇',
    moment: 'a ball near a tree',
    renamed: '红色的球',
  },
}
