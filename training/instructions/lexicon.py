"""The things that yes/no questions ask about, with their synonyms and what makes their absence doubtful. Kept by hand.

A thing is *named* by any of `names`. It may be there unnamed where one of `doubts` (hypernyms, things it comes with) is
mentioned, so nothing is then said of it. `salient` things are those that five people describing a photo hardly all pass over;
of the others ("a hat", "a tree") silence is weaker evidence, and they are asked about less.
"""

from __future__ import annotations

from typing import NamedTuple


class Thing(NamedTuple):
    """A thing with its article, its names and doubts (words; two-word names joined by _), and whether it is salient."""

    phrase: str
    names: frozenset[str]
    doubts: frozenset[str]
    salient: bool


ROLES = (
    "player players rider riders biker bikers cyclist cyclists skier skiers surfer surfers skater skaters skateboarder snowboarder singer dancer dancers "
    "athlete athletes chef cook driver worker workers performer performers reporter host swimmer climber climbers runner runners wrestler wrestlers "
    "model models musician musicians guitarist pianist drummer soldier soldiers officer hiker hikers swimmers commentator character characters gymnast "
    "judge doctor clown teacher kayaker motorcyclist skateboarders snowboarders bicyclist bicyclists people's somebody's someone's person's"
)
PERSON = f"person people someone somebody couple group crowd band team family families friends everyone they them audience students adult adults teenager teenagers teen teens crew spectators {ROLES}"
ANIMAL = "animal animals pet pets creature creatures wildlife zoo farm"
WATER = "water pool lake ocean river sea swimming swim swims swimmer surf surfing surfer surfs wave waves pond stream creek boat boats kayak kayaking canoe beach shore dive diving dives splash splashes splashing wading fishing raft rafting waterfall fountain puddle underwater"
SNOW = "snow snowy ski skis skier skiers skiing snowboard snowboarder snowboarders snowboarding sled sledding sleds snowball snowman"
ROAD = "street streets road roads highway traffic city vehicle vehicles parking race racing drive drives driving driver"
COOKING = "food kitchen cook cooks cooking recipe dish meal restaurant eat eats eating chef preparing prepares ingredients"

# name | names beside the plural | doubts; * marks the less salient.
TABLE = f"""
dog | puppy puppies doggy pup greyhound greyhounds poodle terrier retriever labrador collie beagle husky bulldog dachshund chihuahua | {ANIMAL} wolf
cat | kitten kittens kitty | {ANIMAL}
horse | horses pony ponies horseback bronco stallion | {ANIMAL} rodeo jockey polo carriage cowboy bull equestrian
bird | birds duck ducks parrot seagull seagulls pigeon pigeons eagle goose geese owl chicken chickens swan penguin flamingo rooster hawk | {ANIMAL}
cow | cows cattle bull bulls calf | {ANIMAL} rodeo
sheep | lamb lambs goat goats | {ANIMAL} herd
monkey | monkeys ape apes gorilla chimpanzee baboon orangutan | {ANIMAL}
elephant | | {ANIMAL}
lion | lioness lions | {ANIMAL} cat cats
tiger | | {ANIMAL} cat cats
bear | bears polar_bear | {ANIMAL} panda
panda | | {ANIMAL} bear bears
rabbit | rabbits bunny bunnies hare | {ANIMAL}
snake | snakes python cobra | {ANIMAL} reptile
pig | pigs piglet piglets | {ANIMAL}
fish | shark sharks goldfish salmon | {ANIMAL} fishing fishes fisherman underwater aquarium seafood {COOKING}
man | guy guys gentleman gentlemen father dad | {PERSON} male males he his him boy boys son brother cowboy actor policeman fisherman
woman | women lady ladies mother mom | {PERSON} female females she her girl girls bride daughter sister actress
boy | | {PERSON} male males man men guy guys he his him child children kid kids baby babies toddler toddlers infant son brother
girl | | {PERSON} female females woman women lady ladies she her child children kid kids baby babies toddler toddlers infant daughter sister
baby | babies infant infants toddler toddlers | boy boys girl girls child children kid kids people family families mother group crowd
child | kid kids boy boys girl girls baby babies toddler toddlers infant | {PERSON}
crowd | crowds audience spectators | people group many several fans stadium concert players game match men women children kids students stage event
car | cars van vans suv jeep taxi sedan minivan automobile racecar | {ROAD} truck trucks bus
truck | trucks pickup lorry firetruck | {ROAD} car cars
bus | buses | {ROAD}
train | trains subway locomotive tram | station railway railroad tracks track
boat | boats ship ships kayak canoe sailboat yacht raft rowboat ferry speedboat | {WATER} kayaker rowing sailing
airplane | airplanes plane planes jet aircraft airliner | airport flying pilot sky
helicopter | | aircraft flying pilot
motorcycle | motorcycles motorbike motorbikes motorcyclist motocross dirtbike dirt_bike scooter atv | {ROAD} biker bikers bike bikes rider riders
bicycle | bicycles bike bikes bicyclist bicyclists cyclist cyclists bmx unicycle tricycle | {ROAD} biking biker bikers rider riders wheel
tractor | | {ROAD} farm field machine
ball | balls tennis_ball soccer_ball basketballs footballs | football basketball soccer baseball volleyball tennis softball rugby golf bowling cricket hockey ping-pong lacrosse polo game games sport sports toy toys player players match playing plays throws throwing catch catching juggling
frisbee | frisbees disc disk | toy toys catch catches catching throw throws throwing game object
skateboard | skateboards skateboarder skateboarders skateboarding skater skaters skate skates | board ramp trick tricks rail scooter stunt
surfboard | surfboards surfer surfers surfing surf surfs bodyboard | board wave waves
snowboard | snowboards snowboarder snowboarders snowboarding | board ski skis skier skiing ramp slope trick tricks snow
swing | swings swinging | playground rope park hanging
trampoline | | jump jumps jumping
guitar | guitars guitarist bass banjo ukulele | band instrument instruments music musician musicians concert stage song
piano | pianist keyboard keyboards organ | band instrument instruments music musician musicians concert
drum | drums drummer drumming | band instrument instruments music musician musicians concert
violin | violinist fiddle cello | band instrument instruments music orchestra musician musicians
microphone | mic microphones mike | sing sings singing singer stage concert band reporter interview speech talking talks speaking speaks host show performing performs song interviewed interviewing news
computer | computers laptop laptops keyboard monitor pc | desk office screen game gaming software website tutorial
phone | phones cellphone telephone smartphone iphone mobile | call calling talking screen device
camera | cameras camcorder photographer | photo picture film filming video pose poses posing posed recording looking looks smiles smiling camera
book | books novel magazine | reading read reads library paper
umbrella | umbrellas parasol | rain raining shade beach
tent | tents | camp camping campsite
flag | | parade country
fire | fires flame flames campfire bonfire burning | smoke stove torch explosion cook cooking grill fireworks candle candles
snow | {SNOW} | winter ice icy mountain mountains slope cold
beach | beaches shore seashore seaside | {WATER} sand sandy surfboard coast
water | {WATER} | wet rain bridge dock fish shore coast sand bath
mountain | mountains hill hills cliff cliffs peak summit | climbing climber climbers hike hiking hikers landscape rock rocky slope ski skier skiing snowboarder view canyon
rock | rocks boulder boulders stone stones cliff cliffs rocky | mountain mountains climbing climber river stream beach creek waterfall canyon hill
waterfall | waterfalls | {WATER}
bridge | | river walkway crossing
flower | flowers rose roses sunflower tulips bouquet | garden plant plants floral bloom wedding
pizza | pizzas | {COOKING} cheese dough
cake | cakes cupcake cupcakes | {COOKING} birthday dessert baking bake party
bed | beds crib bunk mattress | bedroom room sleeping sleeps lying hotel hospital dorm nursery
couch | couches sofa sofas loveseat | living room sitting furniture seat lounge
toilet | toilets urinal commode | bathroom restroom lavatory
television | tv televisions tvs | living screen game show news room
refrigerator | fridge freezer | kitchen appliances
swimming pool | pool pools swimming_pool | {WATER}
stage | | concert band show performing performs performance singing dancing audience theatre
* tree | trees palm forest woods wooded | park leaves branch branches garden plants bush bushes log
* grass | grassy lawn | field park yard green hill meadow outside ground
* hat | hats cap caps beanie helmet helmets bandana | costume costumes uniform hood cowboy
* helmet | helmets | bike bicycle motorcycle rider biker cyclist hat football hockey gear uniform
* sunglasses | glasses goggles | eyewear
* jacket | jackets coat coats vest parka sweater hoodie | snow winter suit clothing clothes outfit
* shirt | shirts t-shirt tshirt top blouse jersey jerseys | wearing dressed clothes outfit uniform shirtless suit
* fence | fences fenced railing gate | yard wall field
* stick | sticks branch twig | wood log mouth object
* toy | toys doll dolls stuffed teddybear | ball frisbee playing plays object lego
* bench | benches | sitting seat park
* table | tables desk desks counter | {COOKING} sitting room restaurant office
* chair | chairs armchair stool stools seat seats | sitting sits room table couch office
* building | buildings house houses skyscraper tower castle church | city street town shop store
* bag | bags backpack purse luggage suitcase handbag backpacks | carrying shopping travel
* bottle | bottles | drink drinking water wine beer
* bowl | bowls dish dishes plate plates | {COOKING} soup
* sand | sandy desert | beach dirt dune dunes
* sidewalk | sidewalks pavement | street city road walking
"""
# Caught before words are looked up: these name something else than their parts.
COMPOUNDS = {
    "hot dog": "hotdog",
    "hot dogs": "hotdog",
    "teddy bear": "teddybear",
    "guinea pig": "animal",
    "fire truck": "firetruck",
    "fire engine": "firetruck",
    "fire hydrant": "hydrant",
    "rock climbing": "climbing",
    "rock climber": "climber",
    "rock band": "band",
    "rock music": "music",
    "rock song": "song",
    "rock star": "singer",
    "rock concert": "concert",
    "car seat": "seat",
    "sea horse": "animal",
    "baby elephant": "elephant",
    "baby panda": "panda",
    "baby monkey": "monkey",
    "to train": "practise",
    "training": "practise",
    "dog house": "kennel",
    "bear grylls": "person",
    "spider man": "character",
    "iron man": "character",
    "super man": "character",
    "bat man": "character",
    "fish tank": "aquarium",
    "goggle": "goggles",
    "water bottle": "bottle",
    "golden bear": "bear",
    "sea lion": "animal",
    "sea lions": "animal",
    "swing set": "swing",
    "baseball bat": "baseball",
    "boxing ring": "ring",
    "tv show": "show",
    "television show": "show",
    "tv program": "show",
    "on tv": "show",
    "rolling stone": "band",
    "cat walk": "catwalk",
    "play ground": "playground",
    "phone number": "number",
    "sand paper": "sandpaper",
    "bull dog": "bulldog",
    "shot put": "sport",
    "dirt bike": "dirtbike",
    "dirt bikes": "dirtbike",
    "bear hug": "hug",
    "to fish": "fishing",
    "pool table": "billiards",
    "pool tables": "billiards",
    "play pool": "billiards",
    "playing pool": "billiards",
    "pool room": "billiards",
    "skate bowl": "skatepark",
    "skating bowl": "skatepark",
    "mountain bike": "bicycle",
    "mountain bikes": "bicycle",
    "mountain biker": "bicyclist",
    "mountain biking": "cycling",
    "rock wall": "wall",
    "climbing wall": "wall",
}
# A word that names the second thing except beside the first: a "bike" near a motorcycle is no bicycle, a "bowl" of skaters no dish.
MISLEADING = {
    ("motorcycle", "bicycle"): {"bike", "bikes", "biker", "bikers"},
    ("skateboard", "bowl"): {"bowl", "bowls"},
    ("skateboard", "swimming pool"): {"pool", "pools"},
    ("skateboard", "water"): {"pool", "pools"},
    ("bicycle", "bowl"): {"bowl", "bowls"},
}
NO_ARTICLE = {"snow", "water", "grass", "sunglasses", "sand", "sheep"}
IRREGULAR = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "fish": "fish",
    "bus": "buses",
    "bench": "benches",
    "beach": "beaches",
    "couch": "couches",
}


def plural_of(word: str) -> str:
    """ "man" -> "men"; masses stay as they are."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    return (
        word
        if word in NO_ARTICLE or word.endswith("s")
        else f"{word[:-1]}ies"
        if word.endswith("y") and word[-2] not in "aeo"
        else f"{word}s"
    )


def _read_table() -> dict[str, Thing]:
    things = {}
    for line in TABLE.strip().splitlines():
        name, names, doubts = (part.strip() for part in line.split("|"))
        salient = not name.startswith("*")
        name = name.lstrip("* ")
        article = "" if name in NO_ARTICLE else "an " if name[0] in "aeiou" else "a "
        own = {name.replace(" ", "_"), plural_of(name).replace(" ", "_"), *names.split()}
        things[name] = Thing(f"{article}{name}", frozenset(own), frozenset(doubts.split()) - own, salient)
    return things


THINGS = _read_table()
