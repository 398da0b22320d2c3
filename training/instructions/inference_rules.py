"""Plain inferences of which captions name both ends, kept by hand.

Each rule: words for what is asked about, words for what explains it (two captions must name each), ways to ask, answers.
"""

INFERENCES = (
    (
        "coat jacket coats jackets parka hood",
        "snow snowy",
        ("Why are they dressed warmly?", "Why is a warm jacket worn here?", "Why would someone wear a coat here?"),
        ("Because it is cold: there is snow.", "Because it is winter and there is snow."),
    ),
    (
        "umbrella umbrellas",
        "rain rainy raining wet",
        ("Why is there an umbrella?", "Why do they need an umbrella?", "Why is someone holding an umbrella?"),
        ("Because it is raining.", "To stay dry in the rain."),
    ),
    (
        "helmet helmets",
        "bike bicycle motorcycle bmx biker cyclist",
        ("Why is a helmet worn?", "Why would the rider wear a helmet?", "What is the helmet for?"),
        ("To protect the head in case of a fall.", "To be safe while riding."),
    ),
    (
        "wetsuit",
        "surfboard surfer surfing wave",
        ("Why is a wetsuit worn?", "What is the wetsuit for?", "Why would someone dress like that?"),
        ("To keep warm in the water while surfing.",),
    ),
    (
        "harness rope ropes",
        "climbing climber climbs",
        ("Why is there a rope?", "What is the rope for?", "Why does the climber use a rope?"),
        ("To be safe while climbing.", "To hold the climber in case of a fall."),
    ),
    (
        "life lifejacket",
        "boat kayak canoe raft water",
        ("Why are life jackets worn?", "What is the life jacket for?", "Why would they need a life jacket?"),
        ("To stay afloat if they fall into the water.", "To be safe on the water."),
    ),
    (
        "crowd audience spectators",
        "band concert stage singing sings singer",
        ("Why are so many people there?", "Why has a crowd come together?", "What did the crowd come for?"),
        ("To watch and hear the performance.", "To see the show on stage."),
    ),
    (
        "crowd audience spectators fans",
        "game match soccer football baseball basketball wrestling race",
        ("Why are so many people watching?", "What did the spectators come for?", "Why is there a crowd?"),
        ("To watch the sport.", "To see who wins."),
    ),
    (
        "goggles",
        "swim swimming pool swimmer",
        ("Why are goggles worn?", "What are the goggles for?", "Why would the swimmer wear goggles?"),
        ("To keep water out of the eyes.", "To see under water."),
    ),
    (
        "splash splashes splashing",
        "jump jumps jumping dive dives diving runs running",
        ("Why does the water splash?", "What makes the water splash?", "Why is there a splash?"),
        ("Because someone or something moves fast into the water.", "Because of a jump or a run into the water."),
    ),
    (
        "dust mud muddy dusty",
        "race racing car motorcycle bike truck",
        ("Why is dirt flying up?", "What throws up the dirt?", "Why is it so dirty?"),
        ("Because the wheels throw it up.", "Because a vehicle drives fast over loose ground."),
    ),
    (
        "cake candles",
        "birthday",
        ("Why is there a cake?", "What is the cake for?", "Why do people come together?"),
        ("For a birthday.", "To celebrate a birthday."),
    ),
    (
        "leash",
        "dog dogs",
        ("Why is the dog on a leash?", "What is the leash for?", "Why does the dog wear a leash?"),
        ("So that it does not run away.", "To keep the dog close by."),
    ),
    (
        "apron",
        "cook cooking kitchen chef",
        ("Why is an apron worn?", "What is the apron for?", "Why would the cook wear an apron?"),
        ("To keep the clothes clean while cooking.",),
    ),
    (
        "microphone",
        "sing singing sings singer song",
        ("Why is there a microphone?", "What is the microphone for?", "Why is the singer holding a microphone?"),
        ("So that everyone can hear the singing.", "To make the voice louder."),
    ),
    (
        "microphone",
        "interview interviewed interviewing reporter news",
        ("Why is there a microphone?", "What is the microphone for?", "Why is someone holding a microphone?"),
        ("To record what is said in the interview.",),
    ),
    (
        "uniform uniforms jersey jerseys",
        "team soccer football baseball basketball hockey",
        ("Why do some of them wear the same clothes?", "Why are uniforms worn?", "What are the uniforms for?"),
        ("Because they play in the same team.", "To show which team they belong to."),
    ),
    (
        "shakes shaking",
        "water wet",
        ("Why is it shaking?", "Why does it shake?", "Can you say why it is shaking?"),
        ("To get the water off.", "Because it is wet."),
    ),
    (
        "smile smiles smiling",
        "camera photo picture pose poses posing",
        ("Why are they smiling?", "What are they smiling for?", "Why would someone smile like this?"),
        ("Because they are posing for a picture.", "For the photo."),
    ),
    (
        "goalie goalkeeper goaltender",
        "soccer hockey ball puck goal net",
        ("What does the goalkeeper want?", "What is the goalkeeper there for?", "Why does the goalkeeper stand there?"),
        ("To keep the other team from scoring.", "To guard the goal."),
    ),
    (
        "swimsuit bikini bathing trunks",
        "beach pool water ocean lake",
        ("Why are they dressed for swimming?", "Why is a swimsuit worn?", "Why would someone dress like that?"),
        ("Because they are at the water.", "To go swimming."),
    ),
    (
        "ramp",
        "skateboard skateboarder bmx bike skater snowboarder",
        ("Why is there a ramp?", "What is the ramp for?", "What does the rider use the ramp for?"),
        ("To jump and do tricks.", "To get into the air."),
    ),
    (
        "muzzle muzzles muzzled",
        "dog dogs greyhound greyhounds",
        ("Why does the dog wear a muzzle?", "What is the muzzle for?", "Why would a dog be muzzled?"),
        ("To keep it from biting.",),
    ),
    (
        "bride wedding",
        "dress groom",
        ("Why are they dressed so well?", "What is the occasion?", "Why is she wearing that dress?"),
        ("Because it is a wedding.", "For the wedding."),
    ),
    (
        "costume costumes",
        "parade festival halloween carnival",
        ("Why are they dressed up?", "What are the costumes for?", "Why would someone wear a costume?"),
        ("For the celebration in the street.", "Because there is a parade or festival."),
    ),
    (
        "pan pot skillet",
        "cook cooks cooking stove",
        ("Why is there a pan?", "What is the pan for?", "What is the stove used for?"),
        ("To cook a meal.", "To prepare food."),
    ),
)
