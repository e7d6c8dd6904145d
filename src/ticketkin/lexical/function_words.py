"""Words that join others and say nothing of a ticket by themselves: no evidence that two tickets are kin.

They stay in the terms that search and ranking count, where a long list of ignored words costs recall.
"""

_ENGLISH = """
a about above after again against all almost along already also although always am among an and another any
anyone anything are around as at away back be became because become been before behind being below between
both but by came can cannot come could did do does doing done down during each either else enough etc even
ever every everyone everything few first for found from further gave get gets getting give given go goes
going gone got had has have having he help hello her here hers hi him his how however i if in instead into
is it its itself just keep kept last least less let like little look made make many may maybe me might mine
more most much must my myself need needs neither never new next no nobody none nor not nothing now of off
often on once one only onto or other others our ours out over own per perhaps please put quite rather really
said same saw say says see seem seems seen several shall she should since so some someone something
sometimes soon still such take taken tell than thank thanks that the their theirs them then there these they
thing things this those though three through thus to together too took toward tried try trying two under
unless until up upon us use used user users using very via want was way we well went were what when where
whether which while who whom whose why will with within without would yes yet you your yours
"""
_GERMAN = """
aber alle alles als also am an andere auch auf aus bei beim bereits bis bitte da dabei dadurch dann das dass
dem den denn der des deshalb die dies diese dieser dieses doch dort du durch ein eine einem einen einer
eines einige er es etwas euch für ganz gegen gibt haben hallo hat hatte hier hinter ich ihm ihn ihr ihre im
immer in ist ja jede jeder jetzt kann kein keine können konnte man mehr mein meine mich mir mit muss nach
nicht nichts noch nun nur ob oder ohne schon sehr sein seine seit sich sie sind so soll sollte sondern sowie
über um und uns unser unter viel vom von vor wann war waren warum was weil wenn wer werden wie wieder wir
wird wo wurde wurden zu zum zur zwischen
"""
_FRENCH = """
ai alors après au aucun aussi autre aux avant avec avoir bonjour car ce cela ces cette chez comme dans de
depuis des donc du elle en encore est et été être faire fait ici il ils je la le les leur leurs lors lui
mais merci mes moins mon même ne nos notre nous on ont ou où par pas peut plus pour pouvez quand que quel
quelle qui sa sans ses si son sont sous sur ta te tes toujours tous tout toute très tu un une vers vos votre
vous
"""
_SPANISH = """
al algo antes aquí así aunque bien cada como con contra cual cuando de del desde donde dos el ella en entre
era es esa ese eso esta está estaba este esto estos favor fue gracias ha hace hacia han hasta hay hola la
las le les lo los más me mi mientras muy ni no nos o otra otro para pero poco por porque puede pues que
quien se sea ser si sí sin sobre son su sus también tan te tiene todo todos tras tu un una uno unos y ya yo
"""
FUNCTION_WORDS = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH}".split())
"""In lower case, of the languages whose column names are known."""
