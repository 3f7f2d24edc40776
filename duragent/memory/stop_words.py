"""Words that say nothing about what is asked, by language. A question is searched for without them.

The law: a word stands here only when it has no meaning of its own in that language. `will` and `may` are left out of no
name, because the index still has every word; only questions lose them.
"""

_EN = """
a about above after again against all also am an and any anybody anyone anything are aren as at be because been before
being below between both but by can cannot could couldn did didn do does doesn doing don done down during each either
else ever every few for from further get gets getting give given go goes going gone got had hadn has hasn have haven
having he hello her here hers herself hey hi him himself his how however i if in into is isn it its itself just kind
know let ll like made make many may maybe me might mine more most much must my myself need needs no nor not now of off
often ok okay on once one only or other our ours ourselves out over own please re really s same say said shall shan
she should shouldn since so some somebody someone something sometimes soon still such t tell than thank thanks that
the their theirs them themselves then there these they thing things this those though through to too under until up us
use used ve very want was wasn way we well were weren what whatever when where whether which while who whom whose why
will with within without won would wouldn yes yet you your yours yourself yourselves remember remind
"""

_DE = """
aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus bei beim
bin bis bist bitte da dabei damit danach dann daran darauf darum das dass dein deine deinem deinen deiner deines dem
den denen denn der deren des dessen dich die dies diese diesem diesen dieser dieses dir doch dort du durch eigentlich
ein eine einem einen einer eines einfach einige einmal er es etwas euch euer eure für gab ganz geben gegen gerade gern
gewesen gib gibt habe haben habt hab hast hat hatte hatten hattest hier hin hinter ich ihm ihn ihnen ihr ihre ihrem
ihren ihrer ihres im immer in indem ins ist ja jede jedem jeden jeder jedes jemand jene jenem jenen jener jenes jetzt
kann kannst kein keine keinem keinen keiner keines können könnte machen macht mag mal man manche mein meine meinem
meinen meiner meines mich mir mit möchte muss musste müssen nach nein nicht nichts nie noch nochmal nun nur ob oben
oder ohne per schon sehr sei seid sein seine seinem seinen seiner seines seit selbst sich sie sind so solche soll
sollen sollte sondern sonst um und uns unser unsere unserem unseren unserer unter viel vom von vor wann war waren
warst warum was weg weil weiter welche welchem welchen welcher welches wem wen wenn wer werde werden wessen weshalb
wie wieder wieso will wir wird wirst wo wobei wofür woher wohin womit worauf woran worin worüber wollen wollte worden
wovon wozu während würde würden wurde wurden zu zum zur zwar zwischen über
"""

_FI = """
ai alla eli ehkä ei eikä eivät emme en enemmän ennen eri esimerkiksi et ette että hän häneen hänellä hänelle hänen
hänestä hänet häntä he heidän heihin heillä heille heissä heistä heitä ihan itse ja jo joihin joiden joilla joille
joissa joista joita joka johon jolla jolle jonka jos joskus jossa josta jota jotka jotta kai kaikki kanssa keiden
keitä keneen kenellä kenelle kenen kenestä ketkä ketä koska koskaan kuin kuinka kuitenkin kuka kun kyllä lisäksi luona
me meidän meihin meillä meille meissä meistä meitä mihin mikä miksi mikäli milloin millä mille millainen minkä minua
minulla minulle minulta minun minussa minusta minut minuun minä missä mistä mitkä mitä miten moni monta monen montako
mukaan mutta muu muut muuta mutta myös ne niiden niihin niillä niille niin niissä niistä niitä noiden nuo nyt ole
olemme olen oleva olet olette oli olimme olin olisi olisin olit olivat olla olleet ollut on onko ovat paljon paljonko
pitkin pitää saa se sekä sen siellä sieltä sihen siihen siinä siis siitä sillä sille silloin sinua sinulla sinulle
sinun sinusta sinut sinä sitten sitä taas tai tai te teidän teillä teille teissä teistä teitä toinen tuo tuohon tuolla
tuon tuota tämä tähän tällä tälle tämän tänne tässä tästä tätä vaan vaikka vai vain voi voisi voitko vielä yli
"""

STOP_WORDS = {code: frozenset(words.split()) for code, words in (("en", _EN), ("de", _DE), ("fi", _FI))}
"""By the code of the language; a language that is not here has none, and the weight of rare words does their work."""
